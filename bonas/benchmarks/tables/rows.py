"""The rows of a user's own table, read and checked.

``studies.transfer.rows`` reads what all users' rows have in common. A row here differs from one of
a warm start or a source task in three ways: it may be keyed by a tuple of choices, it names all
parameters, and it may lack values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.spaces import Row
from bonas.errors import InvalidArgument
from bonas.evaluation import Objective
from bonas.spaces import Choice
from bonas.studies.transfer.rows import Frame, number_of, plain, records_of

Rows = Sequence[Mapping[str, Any]] | Mapping[Any, Mapping[str, Any]] | Frame
"""Dicts of parameters and values, a mapping from choices to values, or a frame."""


def check_parameters(given: object, objectives: Sequence[Objective]) -> list[str]:
    """Return the names of parameters as a list.

    Raises:
        InvalidArgument: if they are not different words, or one is an objective's.
    """
    if (
        isinstance(given, str)
        or not isinstance(given, Iterable)
        or not (names := list(given))
        or not all(isinstance(name, str) for name in names)
        or len(set(names)) < len(names)
    ):
        raise InvalidArgument(f"parameters must be a list of different names, got {given!r}")
    both = sorted({o.name for o in objectives} & set(names))
    if both:
        raise InvalidArgument(f"{both} are among the parameters and the objectives; rename one")
    return names


def read_rows(
    rows: Rows, names: Sequence[str], objectives: Sequence[Objective]
) -> tuple[list[Row], npt.NDArray[np.float64]]:
    """Return the choices of each row, in the order of ``names``, and the values ``n x m``.

    A missing value is NaN.

    Raises:
        InvalidArgument: if a row cannot be read, or two rows have the same choices; the message
            names the row.
    """
    found: dict[Row, int] = {}
    values: list[list[float]] = []
    for number, (choices, measured) in enumerate(_pairs(rows, names)):
        row = _choices(choices, names, number)
        if row in found:
            raise InvalidArgument(
                f"expected each combination of choices once, but rows {found[row]} and {number} "
                f"are both {dict(zip(names, row, strict=True))}; merge them, for example by their "
                "mean"
            )
        found[row] = number
        values.append([_value(measured, o.name, number) for o in objectives])
    if not found:
        raise InvalidArgument(f"expected at least two rows, got {rows!r}")
    return list(found), np.array(values, np.float64)


def parameters_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Choice]]:
    """Return the distinct choices of each parameter, in the order of the rows.

    Raises:
        InvalidArgument: if a parameter has a single choice.
    """
    columns = {
        name: list(dict.fromkeys(c)) for name, c in zip(names, zip(*rows, strict=True), strict=True)
    }
    for name, column in columns.items():
        if len(column) < 2:
            raise InvalidArgument(
                f"parameter {name!r} is {column[0]!r} in every row, expected at least two "
                "different values; leave it out of parameters"
            )
    return columns


def _pairs(
    rows: object, names: Sequence[str]
) -> Iterable[tuple[Sequence[object], Mapping[str, object]]]:
    """Yield the choices and the values of each row."""
    items: Iterable[tuple[Any, Any]]
    if isinstance(rows, Frame):
        rows = records_of(rows)
    if isinstance(rows, Mapping):
        items = ((key if isinstance(key, tuple) else (key,), row) for key, row in rows.items())
    elif isinstance(rows, Iterable) and not isinstance(rows, (str, bytes)):
        items = ((None, row) for row in rows)
    else:
        raise InvalidArgument(
            "rows must be a list of dicts, a mapping from choices to values or a data frame, "
            f"got {rows!r}"
        )
    for number, (key, row) in enumerate(items):
        if not isinstance(row, Mapping):
            raise InvalidArgument(f"row {number} must be a dict from a name to a value: {row!r}")
        if key is None and (missing := [name for name in names if name not in row]):
            raise InvalidArgument(
                f"row {number} does not say the parameters {missing}; it has {list(row)}"
            )
        yield [row[name] for name in names] if key is None else key, row


def _choices(given: Sequence[object], names: Sequence[str], number: int) -> Row:
    if len(given) != len(names):
        raise InvalidArgument(
            f"row {number} has the choices {given!r}, expected {len(names)}, those of {list(names)}"
        )
    return tuple([_choice(v, name, number) for name, v in zip(names, given, strict=True)])


def _choice(value: object, name: str, number: int) -> Choice:
    choice = plain(value)
    if choice is None or (isinstance(choice, (bool, int, float, str)) and choice == choice):
        return choice
    raise InvalidArgument(
        f"row {number} has {value!r} as the parameter {name!r}; expected a word, a number, a bool "
        'or None: name a choice that is missing, for example "none"'
    )


def _value(row: Mapping[str, object], name: str, number: int) -> float:
    """Return a value as a float, or NaN where there is none."""
    value = row.get(name)
    found = math.nan if value is None else number_of(value)
    if found is None:
        raise InvalidArgument(
            f"row {number} has {value!r} as {name!r}; expected a number, or NaN or None where it "
            "was not measured"
        )
    return found
