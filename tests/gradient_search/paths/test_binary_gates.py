from typing import Any

import pytest
import torch
from torch import nn

import bonas
from bonas.gradient_search.paths.binary_gates import BinaryGates
from bonas.gradient_search.paths.places import Places
from bonas.gradient_search.policy import Policy
from bonas.spaces import CellSpace
from bonas.supernets import Supernet
from tests.gradient_search.paths.fixed_losses import FixedLosses
from tests.gradient_search.paths.test_gumbel import FACTORS, Times, product

CELLS = CellSpace(3, ("none", "skip_connect", "nor_conv_1x1"), 2, 1, 1, 2, 1, 4)


def gates(seed: int, *, keeps: bool = True) -> BinaryGates:
    policy = Policy(product)
    with torch.no_grad():
        policy.logits["first"].copy_(torch.tensor([0.5, -0.2, 0.1]))
    generator = torch.Generator().manual_seed(seed)
    places = Places(Supernet(product), "proxyless")
    return BinaryGates(policy, places, FixedLosses(), generator, keeps=keeps)  # type: ignore[arg-type]  # that is all it asks of weights


def test_two_different_options_are_drawn_without_replacement() -> None:
    own = gates(0)
    p = own._policy.probabilities["first"].detach().tolist()
    pairs = [(d.choices["first"], d.second["first"]) for d in (own.drawn() for _ in range(2_000))]
    for i, one in enumerate(FACTORS):
        for j, other in enumerate(FACTORS):
            expected = 0.0 if i == j else p[i] * p[j] / (1 - p[i])
            error = max(1e-12, (expected * (1 - expected) / 2_000) ** 0.5)
            assert abs(pairs.count((one, other)) / 2_000 - expected) < 5 * error


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_of_two_paths_is_that_of_the_paper(seed: int) -> None:
    own = gates(seed)
    logits = own._policy.logits["first"]
    loss = own.loss(0.0)
    (gradient,) = torch.autograd.grad(loss, logits)
    again = gates(seed)
    drawn = [again.drawn() for _ in range(2)]
    expected, values = torch.zeros(3, dtype=torch.float64), []
    for paths in drawn:
        scale = int(str(paths.choices["second"]))
        pair = [list(FACTORS).index(str(x["first"])) for x in (paths.choices, paths.second)]
        w = logits.detach()[pair].softmax(0)
        chosen = int(torch.multinomial(w, 1, generator=again._generator))
        factors = [list(FACTORS.values())[i] for i in pair]
        output = factors[chosen] * scale
        values.append(output**2)
        of_gates = [2 * output * f * scale for f in factors]  # dL/dg_j = dL/dy o_j(x)
        for i in range(2):
            for j in range(2):
                expected[pair[i]] += of_gates[j] * w[j] * (int(i == j) - w[i]) / 2  # two networks
    assert loss.item() == pytest.approx(sum(values) / 2)
    assert torch.allclose(gradient, expected)


@pytest.mark.parametrize("keeps", [True, False])
def test_options_that_were_not_drawn_keep_their_probability(keeps: bool) -> None:
    own = gates(2, keeps=keeps)
    before = own._policy.probabilities["first"].detach()
    own.loss(0.0)
    involved = own._before["first"][0]
    left = [i for i in range(3) if i not in involved]
    assert len(left) == 1  # with this seed both networks have the same pair
    with torch.no_grad():
        own._policy.logits["first"][involved] += torch.tensor([0.7, 0.1], dtype=torch.float64)
    own.settle()
    after = own._policy.probabilities["first"].detach()
    assert torch.allclose(after[left], before[left]) == keeps
    assert not torch.allclose(after[involved], before[involved])


def test_none_is_the_path_of_zeros() -> None:
    policy = Policy(CELLS)
    with torch.no_grad():
        for own in policy.logits.values():
            own.copy_(torch.tensor([2.0, 0.0, -30.0]))  # none and a skip connection
    places = Places(Supernet(CELLS), "proxyless")
    generator = torch.Generator().manual_seed(0)
    gates = BinaryGates(policy, places, FixedLosses(), generator)  # type: ignore[arg-type]  # that is all it asks of weights
    paths = gates.drawn()
    assert set(paths.choices.values()) == {"skip_connect"}
    assert set(paths.second.values()) == {"none"}
    assert "none" not in paths.other.values()


def test_where_all_probability_is_on_one_option_another_one_is_drawn_yet() -> None:
    own = gates(0)
    with torch.no_grad():
        own._policy.logits["first"].copy_(torch.tensor([0.0, -2_000.0, -2_000.0]))
    paths = own.drawn()
    assert paths.choices["first"] == "one"
    assert paths.second["first"] in ("two", "three")


def test_binary_gates_prefer_what_lowers_the_loss() -> None:
    own = gates(5)
    adam = torch.optim.Adam(own._policy.logits.values(), 0.05, (0.0, 0.999))
    for step in range(200):
        adam.zero_grad()
        own.loss(step / 200).backward()  # type: ignore[no-untyped-call]  # untyped in torch
        adam.step()
        own.settle()
    assert own._policy.mode() == {"first": "one", "second": 1}


@bonas.space(input=torch.zeros(1, 1), identity="choices")
def named_none(choose: Any) -> nn.Module:
    options = {"none": lambda: Times(1.0), "two": lambda: Times(2.0)}
    return nn.Sequential(choose("first", options))


def test_a_module_that_is_called_none_is_a_path_of_its_own() -> None:
    policy, generator = Policy(named_none), torch.Generator().manual_seed(0)
    places = Places(Supernet(named_none), "proxyless")
    own = BinaryGates(policy, places, FixedLosses(), generator)  # type: ignore[arg-type]  # that is all it asks of weights
    for _ in range(5):
        loss = own.loss(0.0)  # (1 or 2) squared, and dL/dg_j = 2 y o_j with w = 1/2
        (gradient,) = torch.autograd.grad(loss, policy.logits["first"])
        y = loss.item() ** 0.5
        assert gradient.tolist() == pytest.approx([-y / 2, y / 2])  # 2 y (1 - 2) / 4
