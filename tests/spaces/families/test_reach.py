"""Numbers that are moved until their network fits."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from bonas.spaces.families.reach import reachable

RANGES: dict[str, BaseDistribution] = {
    "a": IntDistribution(1, 100),
    "b": IntDistribution(4, 64, step=4),
    "c": FloatDistribution(0.1, 10.0, log=True),
    "d": FloatDistribution(0.0, 5.0),
}
LOWEST = {"a": 1, "b": 4, "c": 0.1, "d": 0.0}
within = st.fixed_dictionaries(
    {
        "a": st.integers(1, 100),
        "b": st.integers(1, 16).map(lambda n: 4 * n),
        "c": st.floats(0.1, 10.0),
        "d": st.floats(0.0, 5.0),
    }
)


@given(within, st.floats(0.0, 200.0), st.sets(st.sampled_from("abcd")), st.floats(0.0, 1.0))
def test_what_is_reachable_fits_and_is_no_larger(
    numbers: dict[str, Any], bound: float, fixed: set[str], share: float
) -> None:
    def fits(values: Any) -> bool:
        return bool(sum(values.values()) <= bound)

    found = reachable(RANGES, numbers, fits, fixed, share)
    least = {name: numbers[name] if name in fixed else LOWEST[name] for name in numbers}
    assert (found is not None) == fits(least)
    if found is not None:
        assert fits(found)
        assert all(found[name] == numbers[name] for name in fixed)
        for name, value in found.items():
            assert RANGES[name]._contains(value)
            assert value <= numbers[name]
        assert not fits(numbers) or found == numbers


def test_integers_move_before_other_numbers() -> None:
    numbers = {"a": 100, "b": 64, "c": 10.0, "d": 5.0}
    found = reachable(RANGES, numbers, lambda x: bool(sum(x.values()) <= 100))
    assert found is not None
    assert (found["c"], found["d"]) == (10.0, 5.0)
    assert found["a"] < 100
    assert found["b"] < 64


def test_other_numbers_move_where_integers_do_not_suffice() -> None:
    numbers = {"a": 100, "b": 64, "c": 10.0, "d": 5.0}
    found = reachable(RANGES, numbers, lambda x: bool(sum(x.values()) <= 10))
    assert found is not None
    assert found["d"] < 5.0
    assert found["c"] < 10.0


def test_a_share_of_the_way_gives_less_than_the_largest() -> None:
    numbers = {"a": 100, "b": 4, "c": 0.1, "d": 0.0}
    most, half = (
        reachable(RANGES, numbers, lambda x: bool(x["a"] <= 51), share=share) for share in (1, 0.5)
    )
    assert most is not None
    assert half is not None
    # bisection in steps of 1/64 of the way from 1 to 100: 32/64 of it is 50.5
    assert (most["a"], half["a"]) == (50, 25)
