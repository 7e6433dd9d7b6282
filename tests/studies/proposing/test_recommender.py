"""Which candidates are chosen: one after the other, among known points that matter."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated

from bonas.studies.proposing.acquisition import noisy_improvement
from bonas.studies.proposing.recommender import Recommender, _may_matter


@pytest.mark.parametrize("m", [1, 2])
def test_a_batch_is_chosen_one_after_the_other(m: int) -> None:
    """Of two candidates that are alike in every draw the second brings nothing."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(64, 7, m, dtype=torch.float64, generator=generator)
    worst, known, below = draws.amin() - 1.0, 2, torch.full((m,), -9.0).double()
    draws[:, :known] = worst
    draws[:, 6] = draws[:, 4]
    recommender = Recommender(noisy_improvement)
    picks = list(recommender._one_by_one(draws, known, below, 9))
    assert sorted(picks) == [0, 1, 2, 3, 4]
    assert {2, 4} & {picks[-1]}
    gains = [_mean_hypervolume(draws[:, [known + i for i in picks[:k]]], below) for k in range(6)]
    for k in range(4):  # no other candidate would have added more
        others = [[*picks[:k], i] for i in range(5) if i not in picks[:k]]
        best = max(_mean_hypervolume(draws[:, [known + i for i in o]], below) for o in others)
        assert gains[k + 1] == pytest.approx(best)


def _mean_hypervolume(draws: torch.Tensor, below: torch.Tensor) -> float:
    if not draws.shape[1]:
        return 0.0
    if draws.shape[2] == 1:
        return float((draws.amax(1) - below).mean())
    return float(np.mean([Hypervolume(below).compute(_front(each)) for each in draws]))


def _front(values: torch.Tensor) -> torch.Tensor:
    return values[is_non_dominated(values)]


def test_known_points_matter_that_a_little_luck_brings_to_the_front() -> None:
    """At most 64 or the front, those first that need least: checked by trying the luck out."""
    rng = np.random.default_rng(3)
    mean = torch.from_numpy(rng.standard_normal((300, 2)))
    variance = torch.from_numpy(rng.uniform(0.01, 0.09, (300, 2)))
    front = is_non_dominated(mean)
    kept = _may_matter(mean, variance, front)

    def reaches(i: int, luck: float) -> bool:
        value = mean[i] + luck * variance[i].sqrt()
        return not bool((mean[front] > value).all(1).any())

    assert set(front.nonzero().flatten().tolist()) <= set(kept.tolist())
    assert int(front.sum()) < len(kept) <= 64
    assert all(reaches(i, 2.0 + 1e-9) for i in kept.tolist())
    tried = np.arange(0, 6, 0.01)
    needed = [next((c for c in tried if reaches(i, c)), math.inf) for i in range(300)]
    left_out = [needed[i] for i in range(300) if i not in kept.tolist()]
    assert max(needed[i] for i in kept.tolist()) <= min(left_out) + 0.011
