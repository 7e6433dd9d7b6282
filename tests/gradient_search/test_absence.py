from typing import Any

import torch
from torch import nn

import bonas
from bonas.gradient_search.absence import is_absent, make_absence_unlikely
from bonas.gradient_search.policy import Policy
from bonas.spaces import CellSpace, Space

CELLS = CellSpace(3, ("skip_connect", "none", "nor_conv_1x1"))


@bonas.space(input=torch.zeros(1, 3))
def family(choose: Any) -> nn.Module:
    options = {"linear": lambda: nn.Linear(3, 3), "none": nn.Identity, "tanh": nn.Tanh}
    return nn.Sequential(choose("layer", options))


def leaning(space: Space, logits: list[float]) -> Policy:
    policy = Policy(space)
    with torch.no_grad():
        for own in policy.logits.values():
            own.copy_(torch.tensor(logits))
    return policy


def test_none_is_an_output_of_zeros_in_cells_only() -> None:
    assert is_absent(CELLS, "none")
    assert not is_absent(CELLS, "skip_connect")
    assert not is_absent(family, "none")


def test_none_becomes_as_unlikely_as_the_least_of_the_others() -> None:
    policy = leaning(CELLS, [2.0, 3.0, -1.0])
    make_absence_unlikely(policy)
    assert all(own.tolist() == [2.0, -1.0, -1.0] for own in policy.logits.values())


def test_a_module_that_is_called_none_keeps_its_logit() -> None:
    policy = leaning(family, [2.0, 3.0, -1.0])
    make_absence_unlikely(policy)
    assert policy.logits["layer"].tolist() == [2.0, 3.0, -1.0]
