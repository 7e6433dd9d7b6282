"""A space that builds networks needs no graph of its own: it is traced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidSpace
from bonas.evaluation import Latency
from bonas.spaces import Choice, Choices, ConditionalSpace, Space

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


class Built(Space):
    """Networks of one hidden layer; 8 units with tanh cannot be built."""

    parameters: Mapping[str, Sequence[Choice]] = {
        "width": [4, 8],
        "first": list(ACTIVATIONS),
        "second": list(ACTIVATIONS),
    }
    input = torch.zeros(1, 3)

    def build(self, choices: Choices) -> nn.Module:
        width = int(str(choices["width"]))
        if (width, choices["first"]) == (8, "tanh"):
            raise ValueError("no such layer")
        both = Both(ACTIVATIONS[str(choices["first"])](), ACTIVATIONS[str(choices["second"])]())
        return nn.Sequential(nn.Linear(3, width), both, nn.Linear(width, 2))


class Both(nn.Module):
    """The sum of two functions."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.one(x) + self.other(x)
        return out


SPACE = Built()
CHOICES = {"width": 4, "first": "relu", "second": "tanh"}


def test_its_graph_and_costs_are_those_of_a_run() -> None:
    labels = SPACE.graph(CHOICES).labels
    assert sorted(labels) == ["add", "input", "linear", "linear", "output", "relu", "tanh"]
    assert SPACE.costs(CHOICES) == {"parameters": 26.0, "multiply_adds": 20.0}


def test_equal_networks_are_one_and_broken_ones_are_not_proposed() -> None:
    members = SPACE.members
    assert members is not None
    # width 4: relu+relu, relu+tanh (= tanh+relu), tanh+tanh; width 8: relu+relu, relu+tanh
    assert len(members) == 5
    assert not SPACE.allows({**CHOICES, "width": 8, "first": "tanh"})
    assert all(SPACE.allows(SPACE.sample(np.random.default_rng(seed))) for seed in range(20))


def test_it_is_searched_and_timed_without_further_declarations() -> None:
    result = bonas.optimize(
        SPACE, 2, evaluate=Latency(seconds=0.01, repeats=3), progress=False, seed=0
    )
    assert len(result.candidates) == 2


def test_zeros_stand_for_an_example_where_only_a_shape_is_known() -> None:
    class Shaped(Built):
        input = None
        input_shape = (3,)

    assert Shaped().graph(CHOICES) == SPACE.graph(CHOICES)


def test_choices_that_depend_on_others_are_asked_for_in_their_order() -> None:
    class Deep(ConditionalSpace):
        parameters: Mapping[str, Sequence[Choice]] = {"depth": [1, 2], "second": [4, 8]}
        input = torch.zeros(1, 3)

        def applies(self, name: str, earlier: Choices) -> bool:
            return name == "depth" or earlier["depth"] == 2

        def build(self, choices: Choices) -> nn.Module:
            layers = [nn.Linear(3, 3)]
            if choices["depth"] == 2:
                layers.append(nn.Linear(3, int(str(choices["second"]))))
            return nn.Sequential(*layers)

    members = Deep().members
    assert members is not None
    assert len(members) == 3


def test_a_space_with_neither_graph_nor_example_says_what_is_missing() -> None:
    class Nothing(Built):
        input = None

    with pytest.raises(InvalidSpace, match=r"no graph\(choices\), and none can be drawn"):
        Nothing().graph(CHOICES)
    with pytest.raises(InvalidSpace, match="none can be drawn"):
        bonas.optimize(Nothing(), 2, evaluate=Latency(), progress=False)
