"""The benchmark's own encoding of a cell, read and written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from built_networks import drawn, seeds
from hypothesis import given, settings
from small_nas_bench_101 import C1, C3, CHAIN, FOUR, matrix_of

from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.spaces.nas_bench_101.cell import Cell
from bonas.spaces.nas_bench_101.matrix import from_matrix, to_matrix
from bonas.spaces.nas_bench_101.space import NASBench101Space

BENCHMARK = NASBench101Space()


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


def test_a_cell_is_written_and_read_without_a_space() -> None:
    cell = Cell((C3, C1), ((0, 1), (1, 2), (0, 3), (2, 3)))
    matrix, labels = to_matrix(cell)
    assert matrix == [[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert labels == ["input", C3, C1, "output"]
    assert from_matrix(matrix, labels) == from_matrix(np.array(matrix), labels) == cell
