"""NAS-Bench-101's own encoding of a cell: an adjacency matrix and a label for each vertex.

``matrix[i][j]`` is 1 for an edge from vertex ``i`` to vertex ``j > i``, and 0 elsewhere. The first
label is ``"input"``, the last one ``"output"``.

Source: Ying et al. (2019), "NAS-Bench-101: Towards reproducible neural architecture search", ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidArgument
from bonas.spaces.graph import INPUT, OUTPUT
from bonas.spaces.nas_bench_101.cell import Cell

Matrix = list[list[int]]
MatrixLike = Sequence[Sequence[int]] | npt.NDArray[np.integer[Any]]


def to_matrix(cell: Cell) -> tuple[Matrix, list[str]]:
    """Return the matrix and the labels of a cell."""
    vertices = range(cell.last + 1)
    matrix = [[int((s, t) in cell.edges) for t in vertices] for s in vertices]
    return matrix, [INPUT, *cell.operations, OUTPUT]


def from_matrix(matrix: MatrixLike, labels: Sequence[str]) -> Cell:
    """Return the cell of a matrix, which may be an array, and its labels.

    Raises:
        InvalidArgument: if the two do not fit together or break a rule of the encoding.
    """
    rows, v, labels = _rows(matrix), len(labels), [str(label) for label in labels]
    if v < 2 or labels[0] != INPUT or labels[-1] != OUTPUT:
        raise InvalidArgument(f"operations must go from 'input' to 'output', got {labels}")
    if len(rows) != v or any(len(row) != v for row in rows):
        raise InvalidArgument(
            f"matrix must be {v} x {v}, one row for each of the operations {labels}; "
            f"got rows of lengths {[len(row) for row in rows]}"
        )
    if any(value not in (0, j > i) for i, row in enumerate(rows) for j, value in enumerate(row)):
        raise InvalidArgument(
            f"matrix must be 0 or 1 above its diagonal and 0 elsewhere, got {rows}; "
            "number the vertices so that edges lead to later ones"
        )
    edges = ((i, j) for j in range(v) for i in range(j) if rows[i][j])
    return Cell(tuple(labels[1:-1]), tuple(edges))


def _rows(matrix: MatrixLike) -> Matrix:
    """Return the matrix as lists of ints."""
    try:
        return [[index(value) for value in row] for row in matrix]
    except TypeError as error:
        raise InvalidArgument(
            f"matrix must hold rows of whole numbers, got {matrix!r}; give lists or an int array"
        ) from error
