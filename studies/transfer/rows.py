"""Measured architectures as users give them: pairs, tables with columns, and the numbers in them.

The one reader for warm starts, source tasks and benchmark tables. It returns plain values or None
and raises nothing: callers know what they expected, and say so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np

from bonas.spaces import Choices

Pair = tuple[Choices, Mapping[str, Any]]
"""Choices, and the name of each measurement -> its value."""


@runtime_checkable
class Frame(Protocol):
    """A table with named columns, such as a pandas DataFrame."""

    def to_dict(self, orient: Any, /) -> Any:
        """Return, for ``"records"``, a list with one dict per row."""
        ...


def is_pair(row: object) -> TypeGuard[Pair]:
    """Return whether ``row`` is a pair of two mappings: choices and measured values."""
    return isinstance(row, Sequence) and len(row) == 2 and all(isinstance(p, Mapping) for p in row)


def records_of(frame: Frame) -> list[dict[str, Any]] | None:
    """Return one dict per row, with Python values for those of NumPy; None if it has no rows.

    >>> class Table:
    ...     def to_dict(self, orient):
    ...         return [{"width": np.int64(8), "accuracy": 71.0}]
    >>> records_of(Table())
    [{'width': 8, 'accuracy': 71.0}]
    """
    rows: object = frame.to_dict("records")
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        return None
    return [{name: plain(cell) for name, cell in row.items()} for row in rows]


def pair_of(record: Mapping[str, Any], measurements: Collection[str]) -> Pair:
    """Split a row of a table into the cells of parameters and those of measurements.

    >>> pair_of({"width": 8, "accuracy": 71.0}, {"accuracy", "latency"})
    ({'width': 8}, {'accuracy': 71.0})
    """
    choices = {name: cell for name, cell in record.items() if name not in measurements}
    return choices, {name: cell for name, cell in record.items() if name in measurements}


def is_missing(cell: object) -> bool:
    """Return whether a cell is NaN, which tables hold where a parameter does not apply."""
    return isinstance(cell, float) and math.isnan(cell)


def number_of(value: object) -> float | None:
    """Return a real number, NumPy's included, as a float; None for anything else.

    >>> number_of(np.float32(0.5)), number_of(True), number_of("0.5")
    (0.5, None, None)
    """
    found = plain(value)
    return float(found) if isinstance(found, Real) and not isinstance(found, bool) else None


def plain(value: Any) -> Any:
    """Return a Python value for one of NumPy, and everything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value
