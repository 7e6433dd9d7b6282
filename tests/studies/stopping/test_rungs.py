"""Facts about rungs: when they are reached, and which values are compared there."""

from __future__ import annotations

from typing import Any

import pytest

from bonas.errors import InvalidArgument
from bonas.evaluation import Measurement
from bonas.studies.stopping.rungs import checked_rungs, rung_at

NAMES = ("accuracy", "latency")


def epochs(*numbers: int, of: int = 10, **curves: float) -> list[Measurement]:
    """Points of curves whose value at an epoch is the number of the epoch times a factor."""
    return [Measurement({n: i * x for n, x in curves.items()}, i, None, i / of) for i in numbers]


def test_a_rung_is_the_first_point_at_or_after_the_share() -> None:
    found = rung_at(0.25, epochs(*range(1, 6), accuracy=1.0), {"latency": 7.0}, NAMES)
    assert found is not None
    assert (found.step, found.fidelity, found.values) == (3, 0.3, (3.0, 7.0))
    assert found.curves == ("accuracy", None)


def test_a_rung_may_be_a_step_whatever_the_fidelity() -> None:
    points = [Measurement({"accuracy": float(i)}, step=i) for i in range(1, 6)]
    found = rung_at(4, points, {"latency": 7.0}, NAMES)
    assert found is not None
    assert (found.step, found.fidelity) == (4, None)
    assert rung_at(0.1, points, {"latency": 7.0}, NAMES) is None


def test_training_values_come_first_where_there_are_any() -> None:
    points = epochs(1, 2, 3, accuracy=1.0, train_accuracy=2.0)
    judged = rung_at(0.2, points, {"latency": 7.0}, NAMES)
    assert judged is not None
    assert (judged.values, judged.curves) == ((4.0, 7.0), ("train_accuracy", None))
    own = rung_at(0.2, points, {"latency": 7.0}, NAMES, by_training=False)
    assert own is not None
    assert own.values == (2.0, 7.0)


def test_without_a_value_of_each_objective_there_is_no_rung() -> None:
    """One metric alone would stop what is small and fast."""
    assert rung_at(0.1, epochs(1, 2, accuracy=1.0), {}, NAMES) is None


def test_without_a_curve_there_is_no_rung() -> None:
    assert rung_at(0.1, epochs(1, 2, loss=1.0), {"latency": 1.0, "accuracy": 2.0}, NAMES) is None
    assert rung_at(0.1, epochs(1, 2, loss=1.0), {"latency": 1.0}, NAMES) is None


def test_two_curves_reach_a_rung_when_the_later_one_does() -> None:
    points = [*epochs(1, 2, accuracy=1.0), *epochs(3, latency=1.0)]
    found = rung_at(0.1, points, {}, NAMES)
    assert found is not None
    assert (found.step, found.values) == (3, (1.0, 3.0))


def test_only_equal_steps_of_equally_long_trainings_are_compared() -> None:
    """Under a cosine schedule the second of 10 epochs is not the second of 20."""
    first, same, longer, other = (
        rung_at(0.1, points, {"latency": 1.0}, NAMES)
        for points in (
            epochs(2, accuracy=1.0),
            epochs(2, accuracy=3.0),
            epochs(2, of=20, accuracy=1.0),
            epochs(2, accuracy=1.0, train_accuracy=1.0),
        )
    )
    assert first is not None
    assert [first.is_comparable(x) for x in (same, longer, other) if x] == [True, False, False]


def test_rungs_are_sorted() -> None:
    assert checked_rungs([0.5, 0.1, 0.5]) == (0.1, 0.5)
    assert checked_rungs((10, 3)) == (3, 10)


@pytest.mark.parametrize("given", [(), 0.1, "0.1", (0.1, 3), (1.0,), (0,), (-0.1,), (True,), None])
def test_other_rungs_are_refused(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected rungs as shares"):
        checked_rungs(given)
