"""BANANAS: its targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from baseline_searches import search
from torch import Tensor

from bonas.benchmarks.baselines import Bananas, bananas
from bonas.benchmarks.baselines.bananas import relative_losses
from bonas.benchmarks.baselines.mutation import sample_mutants
from bonas.benchmarks.baselines.observations import Observations
from bonas.spaces import CellSpace


def test_relative_losses_put_the_bound_below_the_best() -> None:
    # best 2, median 4: the bound is 1, a unit is 3
    losses = np.array([2.0, 4.0, 10.0])
    assert relative_losses(losses).tolist() == pytest.approx([1 / 3, 1.0, 3.0])
    assert relative_losses(np.full(3, 5.0)).tolist() == [1.0, 1.0, 1.0]


def test_paths_are_encoded_as_taken_or_not(space: CellSpace) -> None:
    baseline = Bananas(space, seed=0)
    rng = np.random.default_rng(0)
    X = baseline._encode([space.sample(rng) for _ in range(5)])
    assert X.shape[0] == 5
    assert set(X.unique().tolist()) <= {0.0, 1.0}
    assert (X.sum(1) >= 1).all()  # each network has a path


def test_candidates_are_ranked_by_samples_around_the_mean_prediction(
    space: CellSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without disagreement the sample is the mean: the lowest predicted loss is first."""
    targets: list[list[float]] = []

    def predicted(X: Tensor, t: Tensor, Z: Tensor, seed: int) -> Tensor:
        targets.append(t.tolist())
        return torch.arange(len(Z), dtype=torch.float64).flip(0).expand(5, -1)

    monkeypatch.setattr(bananas, "fit_predict", predicted)
    baseline = Bananas(space, seed=0)
    study = search(space, baseline, 10)
    observations = Observations.of(study, space, number=-1)
    ranked = baseline._rank(observations, np.random.default_rng(0))
    candidates = sample_mutants(
        space, observations.best(5), 100, observations.seen, np.random.default_rng(0)
    )
    assert list(ranked) == candidates[::-1]
    assert targets[-1] == pytest.approx(relative_losses(-observations.values[:, 0]).tolist())
