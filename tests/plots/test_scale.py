"""Facts about when an axis is logarithmic."""

from __future__ import annotations

import math

import pytest

from bonas.plots.scale import scale_of


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 100.1], "log"),
        ([1.0, 100.0], "linear"),
        ([1e-140, 1e140], "log"),
        ([1e-300, 1.0], "linear"),
        ([1.0, 1e300], "linear"),
        ([0.0, 1.0, 1_000.0], "linear"),
        ([-1.0, 1_000.0], "linear"),
        ([1.0, math.inf], "linear"),
        ([1.0, math.nan, 1_000.0], "linear"),
        ([5.0], "linear"),
        ([], "linear"),
    ],
    ids=str,
)
def test_only_positive_values_over_two_decades_need_logarithms(
    values: list[float], scale: str
) -> None:
    assert scale_of(values) == scale
    assert scale_of(value for value in values[::-1]) == scale
