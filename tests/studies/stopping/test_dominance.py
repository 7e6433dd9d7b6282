"""Facts about ranks by dominance and crowding, by hand and against Optuna's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from optuna.study._multi_objective import _fast_non_domination_rank

from bonas.studies.stopping.dominance import (
    crowding_distances,
    dominators,
    front_numbers,
    position,
)

POINTS = arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 4)
)


@given(POINTS)
def test_fronts_are_those_of_optuna(Y: np.ndarray) -> None:
    assert front_numbers(Y).tolist() == _fast_non_domination_rank(-Y).tolist()


def test_who_dominates_whom() -> None:
    """By hand: (2, 2) dominates (1, 2) and (1, 1); equal rows do not dominate each other."""
    Y = np.array([[2.0, 2.0], [1.0, 2.0], [1.0, 1.0], [3.0, 0.0], [2.0, 2.0]])
    assert np.argwhere(dominators(Y)).tolist() == [[0, 1], [0, 2], [1, 2], [4, 1], [4, 2]]


def test_crowding_is_the_width_between_the_neighbours() -> None:
    """By hand: widths 4 and 8; for (1, 7) (3 - 0) / 4 + (8 - 2) / 8 = 1.5."""
    Y = np.array([[0.0, 8.0], [1.0, 7.0], [3.0, 2.0], [4.0, 0.0]])
    assert crowding_distances(Y).tolist() == [np.inf, 1.5, 0.75 + 7 / 8, np.inf]


def test_an_objective_without_a_width_adds_nothing() -> None:
    Y = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    assert crowding_distances(Y)[1] == 1.0


def test_both_ends_of_a_front_come_before_its_crowded_middle() -> None:
    """The cheapest network is kept whatever its accuracy."""
    Y = np.array([[90.0, -9.0], [89.9, -8.9], [89.0, -8.0], [50.0, -1.0], [40.0, -2.0]])
    places = [position(Y, row) for row in range(5)]
    assert places[0] == places[3] == 1
    assert places == [1, 4, 3, 1, 5]


@given(POINTS, st.permutations(range(12)))
def test_a_place_depends_on_no_order(Y: np.ndarray, order: list[int]) -> None:
    """Ties come after the row itself, and every place is between 1 and n."""
    shuffled = [i for i in order if i < len(Y)]
    fronts = front_numbers(Y)
    for row in range(len(Y)):
        place = position(Y, row)
        before = int((fronts < fronts[row]).sum())
        assert before < place <= before + int((fronts == fronts[row]).sum())
        assert front_numbers(Y[shuffled]).tolist() == fronts[shuffled].tolist()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_with_one_objective_a_place_is_a_rank(n: int) -> None:
    Y = np.random.default_rng(0).permutation(n).astype(float)[:, None]
    assert [position(Y, row) for row in range(n)] == [n - int(Y[row, 0]) for row in range(n)]
