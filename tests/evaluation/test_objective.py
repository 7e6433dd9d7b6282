"""Facts about what an objective may be."""

from __future__ import annotations

from typing import Any

import pytest

from bonas.errors import InvalidArgument
from bonas.evaluation import Objective


@pytest.mark.parametrize("unit", ["", "ms", "µs", "mJ per inference", "<b>"])
def test_a_unit_is_any_printable_text(unit: str) -> None:
    assert Objective("energy", "minimize", unit).unit == unit


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (None, "cannot have the unit None: it is no text"),
        (1, "cannot have the unit 1: it is no text"),
        ("m\0J", "has a control character"),
        ("m\udcffJ", "has a lone surrogate"),
        ("x" * 501, "has 501 characters"),
    ],
)
def test_what_no_storage_holds_is_no_unit(unit: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Objective("energy", "minimize", unit)
