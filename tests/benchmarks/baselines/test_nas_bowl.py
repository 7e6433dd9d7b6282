"""NAS-BOWL: its candidates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from baseline_searches import search

from bonas.benchmarks.baselines import (
    NasBowl,
)
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.spaces import CellSpace
from bonas.surrogates import fit_weisfeiler_lehman


def test_nas_bowl_scores_half_mutants_and_half_random_ones(space: CellSpace) -> None:
    baseline = NasBowl(space, seed=0)
    study = search(space, baseline, 12)
    observed = Observations.of(study, space, number=-1)
    pool = baseline._candidates(observed, np.random.default_rng(0))
    assert len({key(choices) for choices in pool}) == len(pool) == 200
    assert not observed.seen & {key(choices) for choices in pool}
    near = {key(n) for parent in observed.best(10) for n in space.neighbours(parent)}
    assert sum(key(choices) in near for choices in pool[:100]) > 50
    assert sum(key(choices) in near for choices in pool[100:]) < 30


def test_the_best_candidate_has_the_largest_expected_improvement(space: CellSpace) -> None:
    baseline = NasBowl(space, seed=0)
    study = search(space, baseline, 12)
    observed = Observations.of(study, space, number=-1)
    ranked = baseline._rank(observed, np.random.default_rng(0))
    X, Y = baseline._encode(observed.choices), torch.from_numpy(observed.values)
    model = fit_weisfeiler_lehman(X, Y, baseline._layout)
    with torch.no_grad():
        posterior = model.posterior(baseline._encode(ranked).unsqueeze(1))
    mean, sd = posterior.mean.flatten(), posterior.variance.flatten().sqrt()
    z = (mean - Y.max()) / sd
    normal = torch.distributions.Normal(0.0, 1.0)
    improvement = sd * (normal.log_prob(z).exp() + z * normal.cdf(z))
    assert float(improvement[0]) == pytest.approx(float(improvement.max()), rel=1e-6)
    assert float(improvement[:20].min()) >= float(improvement[20:].max()) - 1e-9
