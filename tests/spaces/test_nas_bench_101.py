"""NAS-Bench-101's cells: their graphs, the networks they build, and the benchmark's numbers."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.nas_bench_101.cell import Cell
from bonas.spaces.nas_bench_101.network import CellModule
from bonas.spaces.nas_bench_101.space import NASBench101Space

C1, C3, POOL = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
BENCHMARK = NASBench101Space()
SMALL = NASBench101Space.small()
FOUR = replace(SMALL, nodes=4)
CHAIN = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]  # input -> 1 -> output
seeds = st.integers(0, 2**32 - 1)

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared"))
TABLE = SHARED / "data" / "nb101_subsets.npz"
needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"no {TABLE.name} in data/ of $BONAS_SHARED or ../shared"
)


def drawn(space: NASBench101Space, seed: int) -> Choices:
    return space.sample(np.random.default_rng(seed))


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def matrix_of(v: int, edges: set[tuple[int, int]]) -> list[list[int]]:
    return [[int((i, j) in edges) for j in range(v)] for i in range(v)]


@st.composite
def spaces(draw: st.DrawFn) -> NASBench101Space:
    """Small spaces of any shape; widths that do not divide equally are among them."""
    nodes = draw(st.integers(2, 7))
    return NASBench101Space(
        nodes,
        draw(st.integers(1, 9)),
        operations=draw(st.sampled_from([(C3, C1, POOL), (POOL, C1), (C3,)])),
        channels=draw(st.integers(max(1, nodes - 2), 9)),
        cells=draw(st.integers(1, 2)),
        stacks=draw(st.integers(1, 3)),
        classes=draw(st.integers(1, 4)),
        in_channels=draw(st.sampled_from([1, 3])),
        image_size=draw(st.sampled_from([4, 7, 9])),
    )


@settings(max_examples=100)
@given(spaces(), seeds)
def test_every_network_trains_and_costs_what_its_sketch_says(
    space: NASBench101Space, seed: int
) -> None:
    torch.manual_seed(0)
    choices = drawn(space, seed)
    network, costs = space.build(choices), space.costs(choices)
    counter = FlopCounterMode(display=False)
    with counter:
        out = network(torch.randn(2, *space.input_shape))
    assert out.shape == (2, space.classes)
    assert parameters_of(network) == costs["parameters"]
    assert counter.get_total_flops() == 2 * 2 * costs["multiply_adds"]
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@settings(max_examples=200)
@given(spaces(), seeds)
def test_samples_and_neighbours_are_valid_cells(space: NASBench101Space, seed: int) -> None:
    choices = drawn(space, seed)
    for member in [choices, *space.neighbours(choices)]:
        assert space.completed(member) == member
        matrix, labels = space.matrix(member)
        assert 2 <= len(labels) <= space.nodes
        assert 1 <= sum(map(sum, matrix)) <= space.max_edges
        assert len(space.graph(member)) == len(labels)


def test_the_costs_of_a_network_by_hand() -> None:
    # Images of 1 x 3 x 3, 4 channels; one stack of one cell, 3 classes. Vertices 1 and 2 go to the
    # output, so each has 2 channels; 1 reads the input, 2 reads 1; the output reads the input too.
    # Stem: 9*4 weights, 8 of the norm. Input to 1: 4*2 + 4; its convolution: 9*2*2 + 4. Vertex 2
    # pools. Input to output: 4*4 + 8. Head: 4*3 + 3.
    space = replace(FOUR, channels=4, stacks=1, classes=3, image_size=3)
    edges = {(0, 1), (1, 2), (1, 3), (2, 3), (0, 3)}
    choices = space.from_matrix(matrix_of(4, edges), ["input", C3, POOL, "output"])
    parameters = (36 + 8) + (8 + 4) + (36 + 4) + (16 + 8) + (12 + 3)
    assert space.costs(choices) == {
        "parameters": parameters,
        "multiply_adds": (36 + 8 + 36 + 16) * 9 + 12,
    }
    # Numbers for one image: itself; stem; projection, convolution, pool; side by side; projection
    # and sum; pool; classifier.
    numbers = 9 * (1 + 4 + 2 + 2 + 2 + 4 + 4 + 4) + 4 + 3
    assert space.memory(choices) == 4 * (parameters + numbers)


def test_widths_by_hand() -> None:
    # Vertices 2, 3 and 4 share 128 channels at the output: 43 + 43 + 42. Vertex 1 goes to 3 and 4,
    # and is as wide as 3.
    cell = Cell((C3,) * 4, ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (3, 5), (4, 5)))
    assert cell.widths(64, 128) == [64, 43, 43, 43, 42, 128]
    assert Cell((), ((0, 1),)).widths(64, 128) == [64, 128]


def test_a_vertex_reads_the_first_channels_of_a_wider_one() -> None:
    # 1 -> 2 and 1 -> 3, all of them pools: 1 has 2 channels, 3 reads only the first of them.
    cell = Cell((POOL,) * 3, ((0, 1), (1, 2), (1, 3), (2, 4), (3, 4)))
    module = CellModule(cell, 3, 3).eval()
    assert module.widths == [3, 2, 2, 1, 3]
    x = torch.randn(2, 3, 1, 1)  # of one pixel, so that a pool changes nothing
    first = module.projections["1"](x)
    assert torch.equal(module(x), torch.cat([first, first[:, :1]], dim=1))


def test_the_cell_s_input_is_added_to_the_output() -> None:
    cell = Cell((POOL,), ((0, 1), (0, 2), (1, 2)))
    module = CellModule(cell, 3, 5).eval()
    x = torch.randn(2, 3, 1, 1)
    expected = module.projections["1"](x) + module.projections["2"](x)
    assert torch.equal(module(x), expected)


def test_what_hangs_on_no_path_is_neither_counted_nor_searched() -> None:
    # 0 -> 1 -> 3 is the path; 2 reads 1, but nothing reads 2.
    edges = {(0, 1), (1, 2), (1, 3)}
    choices = FOUR.from_matrix(matrix_of(4, edges), ["input", C3, C1, "output"])
    hanging = {**choices, "edge_1_2": True}
    short = FOUR.from_matrix(CHAIN, ["input", C3, "output"])
    assert (
        choices
        == short
        == {**dict.fromkeys(FOUR.edges, False), "edge_0_1": True}
        | {
            "edge_1_3": True,
            "op_1": C3,
        }
    )
    assert FOUR.completed(hanging) == hanging
    assert FOUR.architecture(hanging) == FOUR.architecture(short)
    assert FOUR.costs(hanging) == FOUR.costs(short)
    assert replace(FOUR, max_edges=2).is_valid(hanging)
    assert FOUR.completed({**choices, "edge_1_2": True, "edge_2_3": True})["op_2"] == C3


def test_cells_without_a_path_or_of_too_many_edges_are_not_valid() -> None:
    nothing = FOUR.completed({})
    assert not FOUR.is_valid(nothing)
    assert FOUR.graph(nothing).labels == ("input", "output")
    with pytest.raises(InvalidSpace, match="no path of edges leads from vertex 0 to the output 3"):
        FOUR.build(nothing)
    full = FOUR.completed(dict.fromkeys(FOUR.edges, True))
    assert FOUR.is_valid(full)  # of 6 edges
    assert not replace(FOUR, max_edges=5).is_valid(full)


@settings(max_examples=50)
@given(seeds)
def test_isomorphic_cells_are_one_architecture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, labels = BENCHMARK.matrix(BENCHMARK.sample(rng))
    edges, order = np.array(matrix), list[int]()
    while len(order) < len(labels):  # any numbering along the edges will do
        left = [i for i in range(len(labels)) if i not in order]
        order.append(int(rng.choice([i for i in left if not edges[left, i].any()])))
    again = BENCHMARK.from_matrix(edges[np.ix_(order, order)], [labels[i] for i in order])
    original = BENCHMARK.from_matrix(matrix, labels)
    assert BENCHMARK.architecture(again) == BENCHMARK.architecture(original)


def test_two_branches_may_be_swapped_and_their_operations_matter() -> None:
    branches = matrix_of(4, {(0, 1), (0, 2), (1, 3), (2, 3)})
    one, same, other = (
        FOUR.architecture(FOUR.from_matrix(branches, ["input", a, b, "output"]))
        for a, b in ((C1, C3), (C3, C1), (C3, C3))
    )
    assert one == same
    assert one != other
    apart = replace(FOUR, identity="choices")
    assert apart.architecture(one.choices) != apart.architecture(same.choices)


@pytest.mark.parametrize(("nodes", "cells"), [(2, 1), (3, 1 + 6), (4, 1 + 6 + 84)])
def test_there_are_as_many_different_cells_as_the_benchmark_has(nodes: int, cells: int) -> None:
    space = replace(SMALL, nodes=nodes)
    assert space.members is not None
    assert len(space.members) == cells
    combinations = list(space)
    assert len({tuple(choices.items()) for choices in combinations}) == len(combinations)


@settings(max_examples=50)
@given(seeds)
def test_a_matrix_gives_the_architecture_back(seed: int) -> None:
    choices = drawn(BENCHMARK, seed)
    matrix, labels = BENCHMARK.matrix(choices)
    back = BENCHMARK.from_matrix(np.array(matrix), labels)
    assert list(back) == list(BENCHMARK.completed(back))
    assert BENCHMARK.matrix(back) == (matrix, labels)
    assert BENCHMARK.architecture(back) == BENCHMARK.architecture(choices)
    assert BENCHMARK.costs(back) == BENCHMARK.costs(choices)


@settings(max_examples=20)
@given(seeds, st.floats(4_000, 20_000))
def test_samples_are_within_the_bounds(seed: int, bound: float) -> None:
    space = replace(SMALL, max_params=bound)
    choices = drawn(space, seed)
    assert space.is_valid(choices)
    assert parameters_of(space.build(choices)) <= bound


def test_a_bound_that_no_cell_meets_is_named() -> None:
    space = replace(FOUR, max_params=100)
    with pytest.raises(InvalidSpace, match=r"no network of .* max_params=100 rejects 1,000"):
        drawn(space, 0)


def test_the_smallest_network_is_found_under_a_bound_that_fits_it_alone() -> None:
    least = min(FOUR.costs(choices)["parameters"] for choices in FOUR)
    space = replace(FOUR, max_params=least)
    assert space.costs(drawn(space, 0))["parameters"] == least


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 2, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = SMALL.build(drawn(SMALL, 0))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 1 x height x width"):
        network(torch.zeros(shape))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    space = replace(SMALL, in_channels=3)
    network = space.build(drawn(space, 0)).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "one vertex": ({"nodes": 1}, InvalidSpace, "nodes must be at least 2, .* got 1"),
    "half an edge": ({"max_edges": 0.5}, InvalidArgument, "max_edges must be a whole .* got 0.5"),
    "too narrow": ({"channels": 4}, InvalidSpace, "channels must be at least nodes - 2 = 5, .* 4"),
    "no stack": ({"stacks": 0}, InvalidArgument, "stacks must be .* got 0"),
    "unknown": ({"operations": ("conv",)}, InvalidArgument, "unknown name .* 'conv'"),
    "no operation": ({"operations": ()}, InvalidArgument, "operations must hold at least one"),
    "no parameter": ({"max_params": 0}, InvalidArgument, "max_params must be a positive number"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    given_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        replace(SMALL, **given_)


ENDS = ["input", C3, "output"]
BAD_CELLS: dict[str, tuple[Any, Any, type[BonasError], str]] = {
    "no input": (CHAIN, [C1, C3, "output"], InvalidArgument, "must go from 'input' to 'output'"),
    "no vertex": ([], [], InvalidArgument, r"must go from 'input' to 'output', got \[\]"),
    "too small": ([[0, 1], [0, 0]], ENDS, InvalidArgument, r"must be 3 x 3, .* lengths \[2, 2\]"),
    "backwards": ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], ENDS, InvalidArgument, "0 elsewhere, got"),
    "two": ([[0, 2, 0], [0, 0, 1], [0, 0, 0]], ENDS, InvalidArgument, "must be 0 or 1 above"),
    "words": (["a", "b", "c"], ENDS, InvalidArgument, "matrix must hold rows of whole numbers"),
    "floats": (np.eye(3), ENDS, InvalidArgument, "give lists or an int array"),
    "no path": ([[0, 1, 0], [0] * 3, [0] * 3], ENDS, InvalidSpace, "with a path from input"),
    "unknown": (CHAIN, ["input", "conv", "output"], InvalidSpace, "vertex 1 holds 'conv', but"),
    "too many": (
        matrix_of(5, {(0, 1), (1, 2), (2, 3), (3, 4)}),
        ["input", C1, C1, C1, "output"],
        InvalidSpace,
        "a cell of at most 4 vertices and 9 edges, .* got 5 vertices and 4 edges on paths",
    ),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_broken_cells_are_refused(case: str) -> None:
    matrix, labels, error, message = BAD_CELLS[case]
    with pytest.raises(error, match=message):
        FOUR.from_matrix(matrix, labels)


def test_spaces_of_equal_settings_are_equal_and_described_alike() -> None:
    assert replace(SMALL) == SMALL
    assert hash(replace(SMALL)) == hash(SMALL)
    assert replace(SMALL).describe() == SMALL.describe()
    assert replace(SMALL, max_edges=8).describe() != SMALL.describe()


@cache
def table() -> dict[str, npt.NDArray[Any]]:
    with np.load(TABLE) as archive:
        return dict(archive)


def table_cell(source: str, row: int) -> tuple[npt.NDArray[np.int_], list[str]]:
    """The matrix and labels of a row; a vertex that is not there has no edges."""
    matrix = np.zeros((7, 7), dtype=int)
    matrix[np.triu_indices(7, 1)] = table()[f"{source}_adj"][row]
    names = {-1: "input", 0: C3, 1: C1, 2: POOL, -9: POOL, -2: "output"}
    return matrix, [names[int(code)] for code in table()[f"{source}_ops"][row]]


@needs_table
@pytest.mark.parametrize(("source", "step"), [("energy7v", 5), ("ec", 3)])
def test_parameters_are_those_of_the_benchmark(source: str, step: int) -> None:
    rows = range(0, len(table()[f"{source}_adj"]), step)
    choices = [BENCHMARK.from_matrix(*table_cell(source, row)) for row in rows]
    parameters = [BENCHMARK.costs(c)["parameters"] for c in choices]
    np.testing.assert_array_equal(parameters, table()[f"{source}_params"][::step])


@needs_table
@pytest.mark.parametrize("row", [0, 1_000, 2_500, 4_309])
def test_built_networks_have_the_parameters_of_the_benchmark(row: int) -> None:
    with torch.device("meta"):
        network = BENCHMARK.build(BENCHMARK.from_matrix(*table_cell("energy7v", row)))
    assert parameters_of(network) == table()["energy7v_params"][row]


@needs_table
def test_the_benchmark_s_cells_of_five_vertices_are_all_different() -> None:
    cells = [BENCHMARK.from_matrix(*table_cell("ec", row)) for row in range(len(table()["ec_adj"]))]
    five = replace(BENCHMARK, nodes=5)
    hashes = {BENCHMARK.graph(choices).canonical_hash for choices in cells}
    assert len(hashes) == len(cells) == 1 + 6 + 84 + 2_441
    assert hashes == {five.graph(choices).canonical_hash for choices in five}


def test_a_search_finds_small_networks() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        costs = SMALL.costs(SMALL.architecture(candidate.choices).choices)
        return {"size": costs["parameters"], "work": -costs["multiply_adds"]}

    result = bonas.optimize(
        SMALL,
        6,
        evaluate=evaluate,
        objectives={"size": "minimize", "work": "maximize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 6
    assert result.front
