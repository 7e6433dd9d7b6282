"""The space of NAS-Bench-101's cells, and the benchmark's numbers."""

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
from built_networks import drawn, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from small_nas_bench_101 import C1, C3, CHAIN, FOUR, POOL, SMALL, matrix_of, spaces

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces.nas_bench_101.space import NASBench101Space

BENCHMARK = NASBench101Space()


ROOT = Path(__file__).parents[3]


SHARED = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared"))


TABLE = SHARED / "data" / "nb101_subsets.npz"


needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"no {TABLE.name} in data/ of $BONAS_SHARED or ../shared"
)


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
    """Return the matrix and labels of a row; a vertex that is not there has no edges."""
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
