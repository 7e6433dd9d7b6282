"""What runs are judged by: gap and regret, of sets of values and along a run."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.benchmarks.tables.reference import Reference
from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY, LATENCY

NAN = math.nan

ONE = Reference.of((ACCURACY,), [[50.0], [90.0], [70.0]], exact=True)

# Scaled losses: (0, 1), (1/4, 1/2), (3/4, 1/4), (1, 0); the hypervolume is 3/8 + 1/16 = 7/16.
FRONT = [[90.0, 9.0], [80.0, 5.0], [60.0, 3.0], [50.0, 1.0]]
TWO = Reference.of((ACCURACY, LATENCY), FRONT, exact=True)


def test_the_best_and_the_worst_are_in_the_objectives_units() -> None:
    assert (TWO.best.tolist(), TWO.worst.tolist()) == ([90.0, 1.0], [50.0, 9.0])
    assert TWO.hypervolume == 7 / 16
    assert ONE.hypervolume == 1.0


def test_a_regret_falls_with_the_best_so_far() -> None:
    values = np.array([[60.0], [50.0], [85.0], [90.0], [70.0]])
    assert ONE.regrets(values).tolist() == [30.0, 30.0, 5.0, 0.0, 0.0]
    assert ONE.regret(values) == 0.0
    assert ONE.regret(values[:2]) == 30.0
    assert ONE.regret([]) == math.inf


def test_before_the_first_success_there_is_no_regret_and_the_whole_gap() -> None:
    values = np.array([[NAN], [NAN], [70.0], [NAN], [90.0]])
    np.testing.assert_array_equal(ONE.regrets(values), [NAN, NAN, 20.0, 20.0, 0.0])
    np.testing.assert_allclose(ONE.gaps(values), [1.0, 1.0, 0.5, 0.5, 0.0])


def test_gaps_follow_the_front_of_what_was_found() -> None:
    # (1/4, 1/2) dominates 6/16 of 7/16, (3/4, 1/4) adds the last 1/16; the ends add nothing.
    values = np.array([FRONT[0], FRONT[1], [70.0, 7.0], [NAN, NAN], FRONT[2], FRONT[3]])
    assert TWO.gaps(values).tolist() == pytest.approx([1.0, 1 / 7, 1 / 7, 1 / 7, 0.0, 0.0])
    assert TWO.gap(FRONT) == 0.0
    assert TWO.gap([]) == 1.0


def test_a_value_that_was_half_measured_counts_as_a_failure() -> None:
    assert TWO.gaps(np.array([[80.0, NAN], [NAN, 5.0]])).tolist() == [1.0, 1.0]


def test_without_any_value_nothing_is_missing() -> None:
    nothing = Reference.of((ACCURACY,), [[NAN]], exact=False)
    assert nothing.hypervolume == 1.0
    assert nothing.gap([[0.0]]) == 0.0
    assert not nothing.exact


def test_where_each_row_is_the_worst_in_something_there_is_no_gap() -> None:
    edges = Reference.of((ACCURACY, LATENCY), [[90.0, 9.0], [50.0, 1.0]], exact=True)
    assert edges.hypervolume == 0.0
    assert edges.gap([]) == 0.0
    assert edges.gaps(np.array([[50.0, 9.0]])).tolist() == [0.0]


@pytest.mark.parametrize("values", [[[1.0, 2.0, 3.0]], [[NAN, 1.0]], [1.0, 2.0]])
def test_values_of_another_shape_are_refused(values: npt.ArrayLike) -> None:
    with pytest.raises(InvalidArgument, match=r"expected finite values n x 2 \(accuracy"):
        TWO.gap(values)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)) | st.none(), min_size=1, max_size=12)
)
def test_each_gap_is_that_of_the_values_so_far(rows: list[tuple[int, int] | None]) -> None:
    values = np.array([(NAN, NAN) if row is None else row for row in rows], np.float64)
    reference = Reference.of((ACCURACY, LATENCY), [[6.0, 0.0], [3.0, 1.0], [0.0, 6.0]], exact=True)
    gaps = reference.gaps(values)
    for i in range(len(values)):
        known = values[: i + 1][np.isfinite(values[: i + 1]).all(axis=1)]
        assert gaps[i] == pytest.approx(reference.gap(known), abs=1e-12)
    assert (np.diff(gaps) <= 1e-12).all()
