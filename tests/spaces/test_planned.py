"""Planned spaces: graph, costs, bounds and networks follow from one plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from built_networks import parameters_of
from torch import Tensor, nn

from bonas.errors import MissingBuilder
from bonas.spaces import Choice, Choices, PlannedSpace, Sketch
from bonas.spaces.cells import CellSpace
from bonas.spaces.darts import DARTSSpace
from bonas.spaces.mlp import MLPSpace
from bonas.spaces.mobile import MobileSpace
from bonas.spaces.nas_bench_101 import NASBench101Space
from bonas.spaces.recurrent import RecurrentSpace
from bonas.spaces.transformers import TransformerSpace

BUILT_IN = [
    CellSpace,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    RecurrentSpace,
    TransformerSpace,
]


@dataclass(frozen=True, slots=True)
class LinePlan:
    """One linear map of ``width`` numbers to two."""

    width: int

    def sketch(self) -> tuple[Sketch, int]:
        sketch = Sketch((self.width,))
        return sketch, sketch.linear(sketch.input, self.width, 2)


class Line(nn.Module):
    """The map."""

    def __init__(self, plan: LinePlan) -> None:
        super().__init__()
        self.linear = nn.Linear(plan.width, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        return out


@dataclass(frozen=True)
class Lines(PlannedSpace):
    """Lines of a few widths."""

    parameters: Mapping[str, Sequence[Choice]] = None  # type: ignore[assignment]  # set below

    network = Line

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "parameters", {"width": (2, 4, 8)})

    def plan(self, choices: Choices) -> LinePlan:
        return LinePlan(int(str(choices["width"])))


class Unbuilt(Lines):
    """Lines that nobody can build."""

    network = None


def test_graph_costs_and_memory_are_those_of_the_plan_s_sketch() -> None:
    space, choices = Lines(), {"width": 4}
    sketch, output = LinePlan(4).sketch()
    assert space.graph(choices) == sketch.graph(output)
    assert space.costs(choices) == sketch.costs == {"parameters": 10.0, "multiply_adds": 8.0}
    assert space.memory(choices) == sketch.memory == 4 * (10 + 4 + 2)
    assert space.sizes(choices) == sketch.sizes


def test_the_network_is_made_of_the_plan() -> None:
    network = Lines().build({"width": 8})
    assert isinstance(network, Line)
    assert parameters_of(network) == 18
    assert network(torch.zeros(3, 8)).shape == (3, 2)


def test_bounds_follow_from_the_plan() -> None:
    space = Lines(max_params=10)
    assert [choices["width"] for choices in space] == [2, 4]
    assert [choices["width"] for choices in replace(space, max_flops=8)] == [2]


def test_without_a_network_it_is_searched_and_not_built() -> None:
    space = Unbuilt()
    assert space.costs({"width": 2})["parameters"] == 6.0
    with pytest.raises(MissingBuilder, match=r"Unbuilt has no build\(choices\)"):
        space.build({"width": 2})


def test_without_a_plan_there_is_no_space() -> None:
    class Aimless(PlannedSpace):
        pass

    with pytest.raises(TypeError, match=r"abstract method '?plan"):
        Aimless()  # type: ignore[abstract]  # on purpose


@pytest.mark.parametrize("space", BUILT_IN)
def test_every_built_in_space_is_planned_and_has_all_bounds(space: type[PlannedSpace]) -> None:
    assert issubclass(space, PlannedSpace)
    assert space.network is not None
    assert {"max_params", "max_flops", "max_memory"} <= set(space.bounds)
    assert "build" not in vars(space) or space in (DARTSSpace, NASBench101Space)  # these refuse
    assert "sketch" not in vars(space)
    assert "costs" not in vars(space) or space is TransformerSpace  # and the key-value cache


@pytest.mark.parametrize("space", BUILT_IN)
def test_every_built_in_space_lies_in_a_folder_of_space_plan_and_network(
    space: type[PlannedSpace],
) -> None:
    folder = space.__module__.removesuffix(".space")
    assert space.network is not None
    assert space.network.__module__ == f"{folder}.network"
    assert space.plan.__annotations__["return"]
    assert space.__module__ == f"{folder}.space"
