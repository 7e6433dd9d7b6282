"""The one reader of rows that users give: pairs, tables, and the numbers in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bonas.studies.transfer.rows import (
    Frame,
    is_missing,
    is_pair,
    number_of,
    pair_of,
    plain,
    records_of,
)


class Table:
    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def to_dict(self, orient: str) -> Any:
        assert orient == "records"
        return self.rows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (({"a": 1}, {"f": 2.0}), True),
        ([{"a": 1}, {}], True),
        (({"a": 1},), False),
        (({"a": 1}, {"f": 1}, {}), False),
        (({"a": 1}, 2.0), False),
        ("ab", False),
        ({"a": 1, "f": 2.0}, False),
        (None, False),
    ],
)
def test_a_pair_is_two_mappings(row: object, expected: bool) -> None:
    assert is_pair(row) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (np.int8(3), 3.0),
        (np.float32(0.5), 0.5),
        (math.inf, math.inf),
        (True, None),
        (np.bool_(True), None),
        ("3", None),
        (None, None),
        (3j, None),
        ([3], None),
    ],
)
def test_a_number_is_real_and_no_bool(value: object, expected: float | None) -> None:
    assert number_of(value) == expected


def test_nan_stays_a_number_and_is_a_missing_cell() -> None:
    found = number_of(np.float64("nan"))
    assert found is not None
    assert math.isnan(found)
    assert is_missing(found)
    assert not is_missing(None)
    assert not is_missing("nan")


def test_cells_become_values_of_python() -> None:
    frame = Table([{"width": np.int64(8), "norm": np.str_("batch"), "skip": np.bool_(True)}])
    assert isinstance(frame, Frame)
    (record,) = records_of(frame) or []
    assert record == {"width": 8, "norm": "batch", "skip": True}
    assert [type(cell) for cell in record.values()] == [int, str, bool]
    assert plain("x") == "x"


@pytest.mark.parametrize("rows", [None, 5, [1, 2], [{"a": 1}, None]])
def test_a_table_without_rows_of_cells_is_none(rows: object) -> None:
    assert records_of(Table(rows)) is None


def test_what_has_no_records_is_no_table() -> None:
    assert not isinstance({"a": [1, 2]}, Frame)
    assert not isinstance([{"a": 1}], Frame)


def test_a_record_is_split_at_the_names_of_measurements() -> None:
    record = {"width": 8, "accuracy": 71.0, "accuracy_sd": 0.5}
    assert pair_of(record, ["accuracy", "accuracy_sd"]) == (
        {"width": 8},
        {"accuracy": 71.0, "accuracy_sd": 0.5},
    )
    assert pair_of({}, ["accuracy"]) == ({}, {})
