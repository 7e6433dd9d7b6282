"""NAS-BOWL: its candidates."""

from __future__ import annotations

import numpy as np
from baseline_searches import search

from bonas.benchmarks.baselines import (
    NasBowl,
)
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.spaces import CellSpace


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
