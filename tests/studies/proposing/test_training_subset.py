"""Which of very many trials the surrogate is fitted to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated

from bonas.studies.proposing.training_subset import _dominators, latest_refit, training_subset


def values(n: int, m: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, m)))


def test_few_trials_all_teach() -> None:
    assert list(training_subset(values(50, 2), size=50)) == list(range(50))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_front_and_the_latest_always_teach(m: int) -> None:
    Y = values(700, m)
    rows = list(training_subset(Y, size=200))
    settled = latest_refit(700)
    front = is_non_dominated(Y[:settled]).nonzero().squeeze(1).tolist()
    assert set(front) <= set(rows)
    assert set(range(settled, 700)) <= set(rows)
    assert rows == sorted(set(rows))
    assert len(rows) == 200 + 700 - settled


def test_with_one_objective_the_best_half_teaches() -> None:
    Y = values(400, 1)
    settled = latest_refit(400)
    best = torch.argsort(Y[:settled, 0], descending=True)[:50].tolist()
    assert set(best) <= set(training_subset(Y, size=100))


def test_between_milestones_the_rows_only_grow() -> None:
    Y = values(700, 2)
    settled = latest_refit(700)
    before = list(training_subset(Y[: settled + 3], size=200))
    assert list(training_subset(Y, size=200))[: len(before)] == before


def test_the_others_are_spread_over_the_whole_range() -> None:
    Y = torch.linspace(0.0, 1.0, 400, dtype=torch.float64).unsqueeze(1)
    kept = Y[list(training_subset(Y, size=40)), 0]
    assert kept.min() < 0.05
    assert float(kept.diff().max()) < 0.1


def test_a_row_without_all_values_is_worse_than_the_same_row_with_them() -> None:
    values = torch.tensor([[1.0, 1.0], [torch.nan, 1.0], [2.0, torch.nan], [2.0, 2.0]])
    # at least as good in all: of the second the first, the last and itself; of the third the last
    assert _dominators(values).tolist() == [2, 3, 2, 1]
