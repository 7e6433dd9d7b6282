"""Facts about scores on held-out rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bonas.deploy.held_out_score import HeldOutScore, bounds_of, rows_half_width
from bonas.evaluation import ACCURACY, LATENCY
from bonas.evaluation.training.metrics import metric_for
from bonas.evaluation.training.row_scores import RowScores

METRIC = metric_for("classification", None)


def scores(right: torch.Tensor) -> RowScores:
    return RowScores(METRIC, right.long(), torch.ones_like(right, dtype=torch.long))


def test_the_interval_of_three_seeds_is_that_of_student() -> None:
    """Of 90, 91, 92: mean 91, sd 1, t(0.975, 2) = 4.3027 (tables of Student's t)."""
    score = HeldOutScore((90.0, 91.0, 92.0), 100)
    assert (score.mean, score.sd) == (91.0, 1.0)
    assert score.interval == pytest.approx((91 - 4.3027 / 3**0.5, 91 + 4.3027 / 3**0.5), abs=1e-4)


def test_rows_and_seeds_add_by_squares() -> None:
    seeds = HeldOutScore((90.0, 92.0, 91.0), 100).interval
    both = HeldOutScore((90.0, 92.0, 91.0), 100, 3.0).interval
    assert both[1] - 91 == pytest.approx(math.hypot(seeds[1] - 91, 3.0))


def test_one_seed_has_the_interval_of_its_rows_only() -> None:
    assert HeldOutScore((90.0,), 100, 3.0).interval == (87.0, 93.0)
    assert all(math.isnan(end) for end in HeldOutScore((90.0,), 100).interval)


def test_a_percentage_stays_within_its_bounds() -> None:
    score = HeldOutScore((99.0, 100.0, 98.0), 30, 3.0, bounds_of(ACCURACY))
    assert score.interval[1] == 100.0
    assert bounds_of(LATENCY) == (-math.inf, math.inf)


def test_the_rows_leave_an_accuracy_as_uncertain_as_the_binomial_distribution() -> None:
    """Compare with 1.96 sqrt(p (1 - p) / n); five standard errors of 400 samples are 18 %."""
    right = torch.arange(500) % 10 > 0
    half = rows_half_width([scores(right)], 500)
    expected = 100 * 1.96 * (0.9 * 0.1 / 500) ** 0.5
    assert half == pytest.approx(expected, rel=0.18)
    same = rows_half_width([scores(right)] * 3, 500)
    assert same == pytest.approx(half)  # seeds that are right on the same rows add nothing


def test_places_of_a_row_have_no_interval() -> None:
    assert rows_half_width([scores(torch.ones(40))], 10) is None
    assert rows_half_width([], 10) is None


def test_the_interval_holds_the_expected_score_as_often_as_it_says() -> None:
    """Draw seeds and rows 400 times: 95 % coverage, five standard errors (5.4 %) below at most."""
    draws = np.random.default_rng(0)
    hits, n, k = 0, 120, 3
    for _ in range(400):
        skill = np.clip(0.85 + 0.02 * draws.normal(size=k), 0, 1)
        right = torch.as_tensor(draws.random((k, n)) < skill[:, None])
        values = tuple(100 * float(one.float().mean()) for one in right)
        row_sd = 100 * float(right.float().mean(0).std()) / n**0.5
        low, high = HeldOutScore(values, n, 1.96 * row_sd).interval
        hits += low <= 85.0 <= high
    assert hits / 400 >= 0.95 - 0.054
