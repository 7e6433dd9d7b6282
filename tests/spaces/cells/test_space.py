"""Cell spaces, and NAS-Bench-201's own numbers."""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cache
from math import fsum, sin
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from built_networks import parameters_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.spaces import (
    OPERATIONS,
    CellSpace,
    Choices,
    NASBench201,
)

BENCHMARK = NASBench201()


WHOLE = NASBench201(allow_disconnected=True)


BIAS_ADDITIONS = 10  # one for each output: the table counts them


ROOT = Path(__file__).parents[3]


SHARED = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared"))


TABLE = SHARED / "data" / "nb201.npz"


needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"no {TABLE.name} in data/ of $BONAS_SHARED or ../shared"
)


def cells(space: CellSpace) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({name: st.sampled_from(space.operations) for name in space.edges})


def cell(space: CellSpace, operations: str) -> Choices:
    """Return choices from operations in the order of the edges, separated by spaces."""
    return dict(zip(space.edges, operations.split(), strict=True))


def test_the_benchmark_has_15625_cells_of_which_341_lead_nowhere() -> None:
    assert BENCHMARK.size == 15_625
    assert sum(1 for _ in WHOLE) == 15_625
    assert sum(1 for _ in BENCHMARK) == 15_625 - 341


@given(cells(BENCHMARK))
def test_a_cell_is_valid_when_its_graph_joins_input_and_output(choices: Choices) -> None:
    assert BENCHMARK.is_valid(choices) == bool(BENCHMARK.graph(choices).live())
    assert WHOLE.is_valid(choices)


@pytest.mark.parametrize(("nodes", "operations"), [(2, 2), (3, 4), (5, 3)])
def test_the_size_is_operations_to_the_power_of_edges(nodes: int, operations: int) -> None:
    space = CellSpace(nodes=nodes, operations=list(OPERATIONS)[:operations])
    assert space.size == operations ** (nodes * (nodes - 1) // 2)


def test_two_spaces_with_equal_settings_are_equal() -> None:
    assert CellSpace(nodes=3, operations=["none", "skip_connect"]) == CellSpace(
        nodes=3, operations=("none", "skip_connect")
    )
    assert hash(NASBench201()) == hash(NASBench201())
    assert NASBench201() != NASBench201(channels=8)
    assert NASBench201().describe() != NASBench201(channels=8).describe()


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "one node": (
        {"nodes": 1},
        InvalidArgument,
        "nodes must be a whole .* at least 2, got 1",
    ),
    "half a node": ({"nodes": 3.5}, InvalidArgument, "nodes must be .* got 3.5"),
    "yes cells": ({"cells": True}, InvalidArgument, "cells must be .* at least 1, got True"),
    "no channel": ({"channels": 0}, InvalidArgument, "channels must be .* got 0"),
    "no stage": ({"stages": 0}, InvalidArgument, "stages must be .* got 0"),
    "no class": ({"classes": -1}, InvalidArgument, "classes must be .* got -1"),
    "no image channel": ({"in_channels": 0}, InvalidArgument, "in_channels must be .* got 0"),
    "no pixel": ({"image_size": 0}, InvalidArgument, "image_size must be .* got 0"),
    "word as size": ({"image_size": "32"}, InvalidArgument, "image_size must be .* got '32'"),
    "unknown operation": (
        {"operations": ["none", "conv"]},
        InvalidArgument,
        "unknown operation 'conv'; expected one of 'avg_pool_3x3', .*'skip_connect'",
    ),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    settings_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        CellSpace(**settings_)


@pytest.mark.parametrize(
    ("operations", "message"),
    [((), "has 0 choice"), (("none",), "has 1 choice"), (("none", "none"), "repeats a choice")],
)
def test_too_few_operations_are_refused(operations: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidSpace, match=message):
        _ = CellSpace(operations=operations).size


@cache
def classes() -> dict[str, list[tuple[str, ...]]]:
    """Return a canonical hash -> the benchmark's cells of that class, as operations."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for choices in WHOLE:
        found[WHOLE.graph(choices).canonical_hash].append(tuple(map(str, choices.values())))
    return found


def test_the_benchmark_has_5425_different_networks() -> None:
    # The 6,466 classes published with the benchmark are another count: they merge equal operations
    # on one tensor although each has weights of its own, and distinguish sums that only differ in
    # their brackets and operations on a tensor that is zero.
    assert len(classes()) == 5_425
    assert BENCHMARK.members is not None
    assert len(BENCHMARK.members) == 5_424  # but for the one that leads nowhere


def test_cells_of_one_class_compute_the_same_function() -> None:
    scale = {name: i + 0.3 for i, name in enumerate(BENCHMARK.operations)}

    def value(operations: tuple[str, ...]) -> float:
        states = {0: 1.0}
        for target in (1, 2, 3):
            parts = []
            for (source, end), name in zip(BENCHMARK.edges.values(), operations, strict=True):
                if end == target and name == "skip_connect":
                    parts.append(states[source])
                elif end == target and name != "none":
                    parts.append(sin(scale[name] * states[source]))
            states[target] = fsum(parts)
        return states[3]

    for members in classes().values():
        values = [value(operations) for operations in members]
        assert max(values) - min(values) < 1e-12


def test_cells_that_swap_two_nodes_are_one_architecture() -> None:
    a = BENCHMARK.architecture(
        cell(BENCHMARK, "nor_conv_1x1 nor_conv_3x3 none none avg_pool_3x3 skip_connect")
    )
    b = BENCHMARK.architecture(
        cell(BENCHMARK, "nor_conv_3x3 nor_conv_1x1 none none skip_connect avg_pool_3x3")
    )
    assert a == b
    assert a.choices != b.choices


def test_a_cell_space_may_tell_isomorphic_cells_apart() -> None:
    apart = NASBench201(identity="choices")
    a = cell(apart, "nor_conv_1x1 nor_conv_3x3 none none avg_pool_3x3 skip_connect")
    b = cell(apart, "nor_conv_3x3 nor_conv_1x1 none none skip_connect avg_pool_3x3")
    assert apart.architecture(a) != apart.architecture(b)
    assert apart.graph(a).canonical_hash == BENCHMARK.graph(a).canonical_hash
    assert apart != BENCHMARK
    assert apart.describe() == {**BENCHMARK.describe(), "identity": "choices"}
    assert "identity" not in BENCHMARK.describe()


@settings(max_examples=10)
@given(st.data())
def test_costs_are_those_of_the_built_network(data: st.DataObject) -> None:
    space = CellSpace(
        nodes=data.draw(st.integers(2, 4)),
        operations=tuple(OPERATIONS),
        channels=data.draw(st.sampled_from([3, 8])),
        cells=data.draw(st.integers(1, 2)),
        stages=data.draw(st.integers(1, 3)),
        classes=data.draw(st.integers(1, 5)),
        in_channels=data.draw(st.integers(1, 4)),
        image_size=data.draw(st.sampled_from([1, 9, 16])),
    )
    choices = data.draw(cells(space))
    network = space.build(choices)
    assert parameters_of(network) == space.costs(choices)["parameters"]
    assert network(torch.zeros(2, *space.input_shape)).shape == (2, space.classes)


@settings(max_examples=5)
@given(st.data())
def test_multiply_adds_are_those_that_torch_counts_in_a_run(data: st.DataObject) -> None:
    space = CellSpace(
        nodes=3,
        operations=tuple(name for name in OPERATIONS if name != "none"),  # so that all edges run
        channels=4,
        cells=2,
        image_size=data.draw(st.sampled_from([8, 9])),
    )
    choices = data.draw(cells(space))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        space.build(choices)(torch.zeros(2, *space.input_shape))
    assert counter.get_total_flops() == 2 * 2 * space.costs(choices)["multiply_adds"]


def test_the_costs_of_the_smallest_network_by_hand() -> None:
    # One 1x1 convolution on 2 channels, images of 1 x 4 x 4, 3 classes, one stage of one cell.
    space = CellSpace(
        nodes=2,
        operations=("none", "nor_conv_1x1"),
        channels=2,
        cells=1,
        stages=1,
        classes=3,
        in_channels=1,
        image_size=4,
    )
    # stem: 3*3*1*2 weights + 2*2 of the norm; cell: 2*2 + 2*2; head: 2*2 of the norm, 2*3 + 3.
    # multiply-adds: 18 and 4 weights on 16 pixels, 6 in the classifier.
    assert space.costs({"edge_0_1": "nor_conv_1x1"}) == {
        "parameters": (18 + 4) + (4 + 4) + (4 + 9),
        "multiply_adds": 18 * 16 + 4 * 16 + 6,
    }
    assert space.costs({"edge_0_1": "none"}) == {"parameters": 35, "multiply_adds": 288 + 6}


@cache
def table() -> dict[str, npt.NDArray[Any]]:
    with np.load(TABLE) as archive:
        return dict(archive)


def table_cell(row: int) -> Choices:
    names = [str(name) for name in table()["op_names"]]
    return dict(zip(BENCHMARK.edges, (names[i] for i in table()["ops"][row]), strict=True))


@needs_table
def test_all_costs_are_the_benchmark_s() -> None:
    costs = [BENCHMARK.costs(table_cell(row)) for row in range(15_625)]
    parameters = np.array([cost["parameters"] for cost in costs])
    multiply_adds = np.array([cost["multiply_adds"] for cost in costs])
    np.testing.assert_array_equal(parameters, table()["params"][:, 0])
    np.testing.assert_array_equal(multiply_adds, table()["flops"][:, 0] - BIAS_ADDITIONS)


@needs_table
@pytest.mark.parametrize("row", [0, *range(13, 15_625, 1_420)])
def test_built_networks_have_the_benchmark_s_parameters(row: int) -> None:
    network = BENCHMARK.build(table_cell(row))
    assert parameters_of(network) == table()["params"][row, 0]
