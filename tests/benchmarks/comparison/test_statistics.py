"""Intervals, paired tests, their correction and ranks, against formulas worked out apart."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bonas.benchmarks.comparison.statistics import (
    FEWEST,
    holm,
    mean_interval,
    mean_ranks,
    paired_test,
)

NAN = math.nan


def test_the_interval_holds_the_true_mean_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(0)
    samples, n = 400, 60
    hits = 0
    for _ in range(8):
        interval = mean_interval(3.0 + 2.0 * rng.standard_normal((n, samples // 8)))
        hits += int(((interval.low <= 3.0) & (interval.high >= 3.0)).sum())
    # The bootstrap's spread is smaller by sqrt((n - 1) / n) than the standard error, over which the
    # mean of a normal sample follows Student's t: that makes 94.3 %, give or take five errors.
    expected = 2 * stats.t.cdf(1.96 * math.sqrt((n - 1) / n), n - 1) - 1
    tolerance = 5 * math.sqrt(expected * (1 - expected) / samples)
    assert abs(hits / samples - expected) < tolerance


def test_a_skewed_sample_has_a_longer_arm_on_its_long_side() -> None:
    interval = mean_interval([1.0] * 15 + [30.0])
    assert interval.high - interval.mean > interval.mean - interval.low > 0.0


def test_each_column_has_the_interval_that_it_has_alone() -> None:
    values = np.random.default_rng(1).exponential(size=(9, 3))
    together = mean_interval(values)
    for column in range(3):
        alone = mean_interval(values[:, column])
        np.testing.assert_allclose(together.mean[column], alone.mean)
        np.testing.assert_allclose(together.low[column], alone.low, rtol=0.1)
        np.testing.assert_allclose(together.high[column], alone.high, rtol=0.1)


def test_the_interval_is_the_same_each_time_and_another_with_another_seed() -> None:
    values = np.random.default_rng(2).exponential(size=12)
    assert mean_interval(values).low == mean_interval(values).low
    assert mean_interval(values).low != mean_interval(values, seed=1).low


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4.0, 4.0, 4.0], (4.0, 4.0, 4.0, 3)),
        ([0.1 + 0.2, 0.3], (0.3, 0.3, 0.3, 2)),
        ([4.0], (4.0, NAN, NAN, 1)),
        ([], (NAN, NAN, NAN, 0)),
    ],
    ids=["equal", "equal but for rounding", "one", "none"],
)
def test_degenerate_samples_have_an_honest_interval(
    values: list[float], expected: tuple[float, ...]
) -> None:
    interval = mean_interval(values)
    found = (interval.mean, interval.low, interval.high, interval.n)
    np.testing.assert_allclose(np.array(found, np.float64), expected)


def test_constant_columns_stand_beside_others() -> None:
    interval = mean_interval([[1.0, 5.0], [1.0, 6.0], [1.0, 7.0]])
    assert interval.low[0] == interval.high[0] == 1.0
    assert interval.low[1] < 6.0 < interval.high[1]


def _enumerated(difference: np.ndarray) -> float:
    """Compute the two-sided p-value by all assignments of signs; zeros count half on each side."""
    ranks = [
        float(np.mean(np.flatnonzero(np.sort(abs(difference)) == a) + 1)) for a in abs(difference)
    ]
    zeros = sum(r for r, d in zip(ranks, difference, strict=True) if d == 0) / 2

    def statistic(signs: tuple[float, ...]) -> float:
        positive = [r for r, s, d in zip(ranks, signs, difference, strict=True) if s * d > 0]
        return sum(positive) + zeros

    own = statistic((1.0,) * len(difference))
    null = [statistic(signs) for signs in product((1.0, -1.0), repeat=len(difference))]
    below = sum(value <= own + 1e-9 for value in null) / len(null)
    above = sum(value >= own - 1e-9 for value in null) / len(null)
    return min(1.0, 2 * min(below, above))


def test_the_signed_rank_test_by_hand() -> None:
    # Ranks 1..6, rank 2 alone is negative. Of the 64 assignments three have a negative sum of at
    # most 2 ({}, {1}, {2}), and as many a positive one: 6 / 64.
    test = paired_test([0, 0, 0, 0, 0, 0], [1, -2, 3, 4, 5, 6])
    assert test.p == pytest.approx(6 / 64)
    assert test.effect == pytest.approx((21 - 2 - 2) / 21)
    assert test.pairs == 6


@pytest.mark.parametrize(
    "difference",
    [[1, 1, 1, 1, 0, 0, -2], [3, -3, 2, 2, -1, 5, 5, 5], [0, 0, 0, 1, 2, 3], [1, 2, 3, 4, 5, -6]],
)
def test_ties_and_equal_pairs_are_enumerated(difference: list[float]) -> None:
    test = paired_test(np.zeros(len(difference)), difference)
    assert test.p == pytest.approx(_enumerated(np.array(difference)))


def test_no_difference_at_all_is_no_evidence() -> None:
    test = paired_test([3.0] * 8, [3.0] * 8)
    assert (test.effect, test.p) == (0.0, 1.0)


def test_the_effect_says_which_way() -> None:
    few, many = np.arange(8.0), np.arange(8.0) + 5
    assert paired_test(few, many).effect == 1.0
    assert paired_test(many, few).effect == -1.0
    assert paired_test(few, many).p == paired_test(many, few).p


def test_pairs_with_a_gap_do_not_count_and_too_few_have_no_p_value() -> None:
    test = paired_test([1, 2, NAN, 4, 5, 6], [2, 3, 4, NAN, 6, 7])
    assert test.pairs == 4 < FEWEST
    assert test.effect == 1.0
    assert math.isnan(test.p)
    assert paired_test([NAN], [1.0]).pairs == 0


def test_holm_by_hand() -> None:
    # sorted 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1, and none below the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


def test_a_test_that_was_not_made_does_not_count_in_the_family() -> None:
    np.testing.assert_allclose(holm([0.01, NAN, 0.03]), [0.02, NAN, 0.03])


@settings(max_examples=50)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9))
def test_holm_rejects_where_its_steps_do(p_values: list[float]) -> None:
    """The adjusted value is below a level exactly where the sequential procedure rejects."""
    adjusted = holm(p_values)
    level, k = 0.05, len(p_values)
    order = sorted(range(k), key=lambda i: p_values[i])
    rejected = set()
    for step, i in enumerate(order):
        if p_values[i] * (k - step) > level:
            break
        rejected.add(i)
    assert {i for i in range(k) if adjusted[i] <= level} == rejected


def test_ranks_by_hand() -> None:
    # Two problems: (1, 1, 3) ranks 1.5, 1.5, 3; (5, 2, -) ranks 2, 1, and the third is left out.
    ranks = mean_ranks([[1.0, 5.0], [1.0, 2.0], [3.0, NAN]])
    assert ranks == pytest.approx([1.75, 1.25, 3.0])
    np.testing.assert_allclose(mean_ranks([[1.0], [NAN]]), [1.0, NAN])


@settings(max_examples=50)
@given(st.integers(1, 5), st.integers(1, 4), st.randoms(use_true_random=False))
def test_mean_ranks_of_complete_scores_share_all_places(
    methods: int, problems: int, random: Random
) -> None:
    scores = [[random.randint(0, 3) for _ in range(problems)] for _ in range(methods)]
    assert mean_ranks(scores).sum() == pytest.approx(methods * (methods + 1) / 2)


@settings(max_examples=20)
@given(st.lists(st.integers(-9, 9), min_size=6, max_size=9))
def test_exchanged_methods_have_the_opposite_effect_and_the_same_p_value(
    difference: list[int],
) -> None:
    zeros = [0] * len(difference)
    one, other = paired_test(zeros, difference), paired_test(difference, zeros)
    assert one.effect == pytest.approx(-other.effect)
    assert one.p == pytest.approx(other.p)
    assert 0.0 <= one.p <= 1.0
    assert -1.0 <= one.effect <= 1.0
