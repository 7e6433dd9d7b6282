import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.report.charts import duration, short, with_unit

SUFFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(2, 6))
def test_a_short_number_is_within_its_digits_of_the_number(value: float, digits: int) -> None:
    text = short(value, digits).replace(",", "")
    factor = SUFFIXES.get(text[-1], 1.0)
    found = float(text.rstrip("kMGT")) * factor
    if math.isfinite(found):
        assert found == pytest.approx(value, rel=0.6 * 10.0 ** (1 - digits), abs=5e-324)
    else:
        assert abs(value) > 1.7e308
    assert len(text) <= digits + 7


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (93.77123, "93.77"),
        (99_999.9, "100k"),
        (12_345.0, "12,345"),
        (0.00123456, "0.001235"),
        (5e-324, "4.941e-324"),
        (-1.5e200, "-150e198"),
        (math.nan, "–"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers_are_written_as_people_read_them(value: float, text: str) -> None:
    assert short(value) == text


def test_a_unit_follows_and_no_unit_leaves_no_space() -> None:
    assert with_unit(3.14159, "ms") == "3.142 ms"
    assert with_unit(3.14159, "") == "3.142"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.012, "12 ms"), (0.7, "0.7 s"), (100.0, "100 s"), (754.0, "12.6 min")],
)
def test_durations_are_in_the_unit_that_suits_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
