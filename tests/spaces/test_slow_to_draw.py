"""Which spaces take a millisecond or more to draw a graph; proposals then consider fewer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

import bonas
from bonas.spaces import (
    ArchitectureGraph,
    CellSpace,
    Choice,
    Choices,
    DARTSSpace,
    MobileSpace,
    NASBench101Space,
    RecurrentSpace,
    Space,
    TransformerSpace,
)


@bonas.space(input=torch.zeros(1, 4))
def traced(choose: Any) -> torch.nn.Module:
    """Build a linear map."""
    return torch.nn.Linear(4, choose("width", [2, 3]))


class Drawn(Space):
    """A space with a graph of its own."""

    parameters: Mapping[str, Sequence[Choice]] = {"a": (0, 1)}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return ArchitectureGraph(["input", str(choices["a"]), "output"], [(0, 1), (1, 2)])


class Built(Space):
    """A space whose graphs are those of a run."""

    parameters: Mapping[str, Sequence[Choice]] = {"a": (1, 2)}
    input = torch.zeros(1, 4)

    def build(self, choices: Choices) -> torch.nn.Module:
        return torch.nn.Linear(4, int(str(choices["a"])))


SLOW = [
    MobileSpace(),
    DARTSSpace(),
    NASBench101Space(),
    TransformerSpace(),
    RecurrentSpace(),
    traced,
    Built(),
]


@pytest.mark.parametrize("space", [CellSpace(), Drawn()])
def test_graphs_of_microseconds_are_quick_to_draw(space: Space) -> None:
    assert not space.slow_to_draw


@pytest.mark.parametrize("space", SLOW)
def test_sketches_and_runs_are_slow_to_draw(space: Space) -> None:
    assert space.slow_to_draw


def test_what_a_space_says_of_its_graphs_holds() -> None:
    class Careful(Drawn):
        slow_to_draw = True

    class Hasty(Built):
        slow_to_draw = False
        enumerable = Space.enumerable

    assert Careful().slow_to_draw
    assert not Hasty().slow_to_draw
    assert (Built().enumerable, Hasty().enumerable) == (512, 50_000)
