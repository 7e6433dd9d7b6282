"""The plan of a cell network: its sketch, the sizes that are added up, and what is built."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces import OPERATIONS
from bonas.spaces.cells.cell import cell_edges, cell_graph, live_edges
from bonas.spaces.cells.network import CellNetwork
from bonas.spaces.cells.plan import KERNELS, CellPlan


@st.composite
def plans(draw: st.DrawFn, operations: tuple[str, ...] = tuple(KERNELS)) -> CellPlan:
    """Draw small plans of any shape, with many absent operations."""
    nodes = draw(st.integers(2, 4))
    names = st.sampled_from(("none", *operations) if "none" in operations else operations)
    return CellPlan(
        nodes=nodes,
        operations={edge: draw(names) for edge in cell_edges(nodes).values()},
        channels=draw(st.integers(1, 5)),
        cells=draw(st.integers(1, 2)),
        stages=draw(st.integers(1, 3)),
        classes=draw(st.integers(1, 3)),
        in_channels=draw(st.sampled_from([1, 3])),
        image_size=draw(st.sampled_from([1, 5, 8])),
    )


def small(*operations: str, **others: Any) -> CellPlan:
    """Return one stage of one cell of three nodes, 2 channels wide, on images of 1 x 4 x 4."""
    edges = cell_edges(3).values()
    given_ = {"channels": 2, "cells": 1, "stages": 1, "classes": 3, "in_channels": 1}
    return CellPlan(
        3, dict(zip(edges, operations, strict=True)), **{**given_, "image_size": 4, **others}
    )


def test_every_operation_that_is_planned_can_be_built() -> None:
    assert list(KERNELS) == list(OPERATIONS)


@settings(max_examples=200)
@given(plans())
def test_sizes_are_those_of_the_sketch(plan: CellPlan) -> None:
    assert plan.sizes() == plan.sketch()[0].sizes


@settings(max_examples=50)
@given(plans())
def test_a_network_has_the_parameters_of_its_plan(plan: CellPlan) -> None:
    network = CellNetwork(plan)
    assert sum(p.numel() for p in network.parameters()) == plan.sizes()["parameters"]


@settings(max_examples=50)
@given(plans(tuple(name for name in KERNELS if name != "none")))
def test_multiply_adds_are_those_of_a_run_where_every_operation_runs(plan: CellPlan) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        CellNetwork(plan)(torch.zeros(2, plan.in_channels, plan.image_size, plan.image_size))
    assert counter.get_total_flops() == 2 * 2 * plan.sizes()["multiply_adds"]


def test_memory_by_hand() -> None:
    # 0 -conv1x1-> 1 -skip-> 2 and 0 -pool-> 2. Parameters: stem 18 + 4, convolution 4 + 4, head 4
    # and 9. Numbers for one image: itself 16; stem, convolution, pool, sum and norm, 32 each; mean
    # 2; scores 3.
    plan = small("nor_conv_1x1", "avg_pool_3x3", "skip_connect")
    assert plan.sizes()["parameters"] == 22 + 8 + 4 + 9
    assert plan.sizes()["memory"] == 4 * (43 + 16 + 5 * 32 + 2 + 3)


def test_an_operation_on_no_path_has_weights_and_no_output() -> None:
    # 0 -conv3x3-> 1, and nothing leaves 1.
    dead, without = (small(name, "skip_connect", "none") for name in ("nor_conv_3x3", "none"))
    more = {name: x - without.sizes()[name] for name, x in dead.sizes().items()}
    assert more == {"parameters": 36 + 4, "multiply_adds": 36 * 16, "memory": 4 * 40}
    sketch, output = dead.sketch()
    assert "nor_conv_3x3" not in sketch.graph(output).labels


def test_a_cell_without_a_path_is_sketched_as_zeros() -> None:
    sketch, output = small("nor_conv_3x3", "none", "none").sketch()
    assert "zeros" in [operation.label for operation in sketch.operations]
    assert not sketch.graph(output).live()


def test_a_reduction_halves_the_image_and_doubles_the_channels() -> None:
    plan = small("none", "skip_connect", "none", stages=3, image_size=5)
    assert list(plan.frames()) == [(2, 5), (4, 3), (8, 2)]
    shapes = [operation.shape for operation in plan.sketch()[0].operations]
    assert (4, 3, 3) in shapes
    assert (8, 2, 2) in shapes


def test_live_edges_by_hand() -> None:
    # 0 -> 1 -> 3 and 0 -> 3; node 2 is read by 3 but reads nothing.
    assert live_edges(4, [(0, 1), (1, 3), (0, 3), (2, 3)]) == {1: [0], 3: [1, 0]}
    assert live_edges(3, [(0, 1)]) == {}


@pytest.mark.parametrize("name", ["skip_connect", "identity"])
def test_identities_are_contracted_in_the_graph_of_a_cell(name: str) -> None:
    graph = cell_graph({(0, 1): name, (0, 2): "none", (1, 2): "nor_conv_1x1"})
    assert graph.labels == ("input", "nor_conv_1x1", "output")
    assert graph.edges == ((0, 1), (1, 2))


def test_the_graph_of_a_plan_is_that_of_its_cell() -> None:
    plan = small("nor_conv_1x1", "skip_connect", "nor_conv_3x3")
    assert plan.graph() == cell_graph(plan.operations)
