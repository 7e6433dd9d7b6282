"""The scale of a table: regret, front and hypervolume."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import OWN, Array, tables

from bonas.benchmarks.tables import (
    Table,
)
from bonas.benchmarks.tables.scale import Scale, as_losses, non_dominated
from bonas.evaluation import ACCURACY, LATENCY, Objective


def volume(losses: Array) -> float:
    """Compute the hypervolume up to (1, ..., 1), by slices along the last objective."""
    inside = losses[(losses < 1.0).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if losses.shape[1] == 1:
        return 1.0 - float(inside.min())
    total, levels = 0.0, [*sorted(set(inside[:, -1].tolist())), 1.0]
    for low, high in pairwise(levels):
        total += (high - low) * volume(inside[inside[:, -1] <= low, :-1])
    return total


def test_scaled_values_by_hand() -> None:
    expected = [[0.0, 1.0], [0.25, 0.5], [0.75, 0.25], [1.0, 0.0], [0.875, 0.375]]
    np.testing.assert_array_equal(OWN.scaled(OWN.truth), expected)
    np.testing.assert_array_equal(OWN.scaled([[94.0, 11.0]]), [[-0.1, 1.25]])
    assert OWN.scaled([]).shape == (0, 2)


def test_the_hypervolume_by_hand() -> None:
    # Up to (1, 1), (1/4, 1/2) dominates 3/4 x 1/2; (3/4, 1/4) adds 1/4 x 1/4; the ends add nothing.
    assert OWN.max_hypervolume == 3 / 8 + 1 / 16
    assert OWN.hypervolume([[60.0, 3.0]]) == 1 / 4 * 3 / 4
    assert OWN.gap([[80.0, 5.0]]) == pytest.approx(1 / 7)
    assert OWN.gap(OWN.truth) == 0.0


def test_points_beyond_the_reference_point_add_nothing() -> None:
    assert OWN.hypervolume([[40.0, 3.0], [80.0, 10.0]]) == 0.0
    assert OWN.hypervolume([]) == 0.0
    assert OWN.gap([]) == 1.0


@given(tables(), st.data())
def test_the_hypervolume_is_that_of_a_sweep_and_never_falls(
    table: Table, data: st.DataObject
) -> None:
    picked = data.draw(st.lists(st.integers(0, len(table.rows) - 1), max_size=8))
    values = table.truth[picked]
    assert table.hypervolume(values) == pytest.approx(volume(table.scaled(values)), abs=1e-12)
    steps = [table.hypervolume(values[:i]) for i in range(len(values) + 1)]
    assert all(b >= a - 1e-12 for a, b in pairwise(steps))
    assert -1e-12 <= table.gap(values) <= 1.0


def test_non_dominated_rows_come_by_their_first_objective() -> None:
    losses = np.array([[2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [0.0, 9.0], [1.0, 2.0]])
    assert non_dominated(losses).tolist() == [3, 1, 4, 0]


@st.composite
def losses(draw: st.DrawFn) -> Array:
    rows = st.tuples(st.integers(0, 9), st.integers(0, 9))
    return np.array(draw(st.lists(rows, min_size=2, max_size=9)), np.float64)


@given(losses(), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_units_and_offsets_change_no_hypervolume(values: Array, unit: float, shift: float) -> None:
    goals = (Objective("x", "minimize"), Objective("y", "minimize"))
    scaled = values * [1.0, unit] + [shift, 0.0]
    one, other = Scale.of(goals, values), Scale.of(goals, scaled)
    assert one.hypervolume(values) == pytest.approx(other.hypervolume(scaled), abs=1e-9)


@given(losses())
def test_a_maximised_objective_is_the_negative_of_a_minimised_one(values: Array) -> None:
    goals = (Objective("x", "minimize"), Objective("y", "minimize"))
    turned = (goals[0], Objective("y", "maximize"))
    one = Scale.of(goals, values)
    other = Scale.of(turned, values * [1.0, -1.0])
    assert one.hypervolume(values) == other.hypervolume(values * [1.0, -1.0])
    np.testing.assert_array_equal(one.scaled(values), other.scaled(values * [1.0, -1.0]))


@given(losses(), st.randoms(use_true_random=False))
def test_the_order_of_points_changes_no_hypervolume(values: Array, random: Random) -> None:
    goals = (Objective("x", "minimize"), Objective("y", "minimize"))
    scale, rows = Scale.of(goals, values), values.tolist()
    random.shuffle(rows)
    assert scale.hypervolume(rows) == pytest.approx(scale.hypervolume(values), abs=1e-12)


def test_a_list_of_numbers_is_one_objective() -> None:
    assert as_losses((ACCURACY,), [1.0, 2.0]).tolist() == [[-1.0], [-2.0]]
    assert as_losses((ACCURACY,), []).shape == (0, 1)
    assert as_losses((ACCURACY, LATENCY), [[1.0, 2.0]]).tolist() == [[-1.0, 2.0]]
