import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from bonas.report.charts.ticks import linear_ticks, log_ticks, tick_labels

SUFFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def parsed(label: str) -> float:
    text = label.replace(",", "")
    return float(text[:-1]) * SUFFIXES[text[-1]] if text[-1] in SUFFIXES else float(text)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(3, 9))
def test_linear_ticks_are_round_and_within_the_range(low: float, width: float, count: int) -> None:
    high = low + max(width, 1e-6 * abs(low))
    ticks = linear_ticks(low, high, count)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else math.nan
    slack = 1e-5 * (high - low)
    assert 1 <= len(ticks) <= count
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    if len(ticks) > 1:
        mantissa = step / 10 ** math.floor(math.log10(step) + 1e-6)
        assert min(abs(mantissa - nice) for nice in (1, 2, 2.5, 5, 10)) < 1e-3
        for one, other in itertools.pairwise(ticks):
            assert math.isclose(other - one, step, rel_tol=1e-4)


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e7))
def test_labels_say_the_values_of_their_ticks(low: float, width: float) -> None:
    high = low + max(width, 1e-6 * abs(low))
    ticks = linear_ticks(low, high)
    labels = tick_labels(ticks)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0])
    assert len({*labels}) == len(labels)
    for tick, label in zip(ticks, labels, strict=True):
        assert abs(parsed(label) - tick) <= 1e-3 * step + 1e-9 * abs(tick)


@given(st.floats(-12, 12), st.floats(0.01, 20))
def test_log_ticks_are_round_and_within_the_range(power: float, decades: float) -> None:
    low, high = 10.0**power, 10.0 ** (power + decades)
    ticks = log_ticks(low, high)
    assert 1 <= len(ticks) <= 6
    assert ticks == sorted({*ticks})
    assert all(low * (1 - 1e-4) <= tick <= high * (1 + 1e-4) for tick in ticks)
    if decades >= 3:
        assert all(math.isclose(math.log10(t), round(math.log10(t)), abs_tol=1e-9) for t in ticks)


def test_whole_ticks_are_whole() -> None:
    assert linear_ticks(0.8, 3.2, whole=True) == [1.0, 2.0, 3.0]
    assert all(tick.is_integer() for tick in linear_ticks(0.0, 17.3, whole=True))


def test_labels_of_a_log_axis_have_no_needless_decimals() -> None:
    assert tick_labels([0.01, 0.1, 1.0, 10.0, 100.0]) == ["0.01", "0.1", "1", "10", "100"]
    assert tick_labels([1e4, 1e6, 1e8]) == ["10,000", "1M", "100M"]
