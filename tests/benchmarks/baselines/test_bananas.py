"""BANANAS: its targets."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.benchmarks.baselines import Bananas
from bonas.benchmarks.baselines.bananas import relative_losses
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
