"""Ceiling: how well one more training of each network, with another seed, ranks as the first did.

A training's value depends on its seed, so that no score can be expected to rank networks much
better than another training of the same networks would.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import TrialState, create_trial

from bonas.evaluation import Candidate, Objective, ShortTraining
from bonas.evaluation.objective import oriented
from bonas.spaces import Space
from bonas.supernets.report.measured import Measured, Network
from bonas.supernets.report.rank_correlation import RankCorrelation

_LEAST = 5  # networks with two values, below which nothing is said


@dataclass(frozen=True)
class Again:
    """Networks that were trained again with another seed.

    Attributes:
        networks: Those of the study.
        values: An objective -> a value for each of them.
        seconds: How long each training took.
    """

    networks: Sequence[Network]
    values: Sequence[dict[str, float]]
    seconds: Sequence[float]

    @classmethod
    def trained(
        cls, measured: Measured, number: int, space: Space, training: ShortTraining, seed: int
    ) -> Again:
        """Train some networks, drawn at random, on the rows on which they were trained before."""
        draw = np.random.default_rng(seed).permutation(len(measured.networks))[:number]
        chosen = [measured.networks[int(i)] for i in np.sort(draw)]
        other = training.on(training.splits, seed=training.seed + 1 + seed)
        values, seconds = [], []
        for network in chosen:
            trial = create_trial(state=TrialState.RUNNING)
            trial.number = network.number
            start = time.perf_counter()
            values.append(dict(other(Candidate(space, network.choices, trial))))
            seconds.append(time.perf_counter() - start)
        return cls(chosen, values, seconds)

    def ceiling(self, objective: Objective) -> RankCorrelation | None:
        """Return how they rank the networks as what was measured first; None for too few."""
        name = objective.name
        pairs = [
            (float(np.mean(network.values[name])), values[name])
            for network, values in zip(self.networks, self.values, strict=True)
            if network.values[name] and name in values
        ]
        return _correlation(pairs, objective)


def repeated_ceiling(networks: Sequence[Network], objective: Objective) -> RankCorrelation | None:
    """Return how the last training of each network ranks it as the mean of its earlier ones.

    Only networks that were trained several times count; None for too few of them.
    """
    name = objective.name
    several = [network.values[name] for network in networks if len(network.values[name]) > 1]
    return _correlation([(float(np.mean(v[:-1])), v[-1]) for v in several], objective)


def _correlation(
    pairs: Sequence[tuple[float, float]], objective: Objective
) -> RankCorrelation | None:
    if len(pairs) < _LEAST:
        return None
    first, again = oriented(pairs, [objective.direction] * 2).T
    return RankCorrelation.of(first, again)
