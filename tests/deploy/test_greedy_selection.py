"""Greedy selection draws what lowers the loss most, within limits, and keeps the best prefix."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.deploy.greedy_selection import Array, Loss, greedy_selection

FREE = np.zeros(0)


def squared(truth: Array) -> Loss:
    return lambda p: float(((p - truth) ** 2).mean())


@given(st.integers(0, 1_000))
def test_each_draw_is_the_best_single_addition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=6)
    library = [truth + rng.normal(size=6) for _ in range(5)]
    found = greedy_selection(library, squared(truth), np.zeros((5, 0)), FREE, 6)
    assert found is not None
    drawn: list[int] = []
    for step in range(6):
        losses = [
            squared(truth)(np.mean([library[i] for i in (*drawn, new)], 0)) for new in range(5)
        ]
        drawn.append(int(np.argmin(losses)))
        assert found.path[step] == pytest.approx(min(losses))
    assert found.loss == min(found.path)
    mean = sum(s * library[i] for i, s in zip(found.members, found.shares, strict=True))
    assert squared(truth)(mean) == pytest.approx(found.loss)
    assert sum(found.shares) == pytest.approx(1.0)


@given(st.integers(0, 1_000))
def test_it_is_never_worse_than_the_best_network_nor_better_than_all_mixtures(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=4)
    library = [truth + rng.normal(size=4) for _ in range(4)]
    loss = squared(truth)
    found = greedy_selection(library, loss, np.zeros((4, 0)), FREE, 3)
    assert found is not None
    mixtures = [
        loss(np.mean([library[i] for i in drawn], axis=0))
        for size in (1, 2, 3)
        for drawn in combinations_with_replacement(range(4), size)
    ]
    assert min(mixtures) - 1e-12 <= found.loss <= found.single + 1e-12
    assert found.single == min(map(loss, library))


def test_costs_count_distinct_members() -> None:
    truth = np.zeros(2)
    library = [np.array([1.0, 0.0]), np.array([-0.5, 0.0]), np.array([0.1, 0.0])]
    costs = np.array([[2.0], [2.0], [9.0]])
    found = greedy_selection(library, squared(truth), costs, np.array([4.0]), 9)
    assert found is not None
    assert found.members == (1, 0)
    assert found.shares == pytest.approx((2 / 3, 1 / 3))
    alone = greedy_selection(library, squared(truth), costs, np.array([3.0]), 9)
    assert alone is not None
    assert alone.members == (1,)


@pytest.mark.parametrize("cost", [5.0, np.nan])
def test_nothing_is_chosen_where_nothing_is_affordable(cost: float) -> None:
    library, costs = [np.zeros(2)], np.array([[cost]])
    assert greedy_selection(library, squared(np.zeros(2)), costs, np.array([4.0]), 3) is None


def test_equal_networks_are_drawn_in_their_order() -> None:
    library = [np.ones(2), np.ones(2)]
    found = greedy_selection(library, squared(np.ones(2)), np.zeros((2, 0)), FREE, 5)
    assert found is not None
    assert (found.members, found.path) == ((0,), (0.0,) * 5)
