"""Regularised evolution: a tournament in the latest generation; the winner is mutated.

The population is the last ``population`` finished trials: the oldest is dropped, however good it
is. ``sample`` of them are drawn, and one choice of the best of these is changed. A network may be
evaluated twice, as in the paper.

Source: Real, Aggarwal, Huang and Le (2019), "Regularized evolution for image classifier
architecture search", AAAI. A population of 30 and tournaments of 10 are the defaults of naszilla
(White et al., 2021) for some hundred evaluations; NAS-Bench-101 took 50 and 10 for thousands.
"""

from __future__ import annotations

import numpy as np

from bonas.benchmarks.baselines.baseline import Baseline
from bonas.benchmarks.baselines.mutation import mutate
from bonas.benchmarks.baselines.observations import Observations
from bonas.spaces import Choices, Space


class RegularizedEvolution(Baseline):
    """Evolution with ageing, and tournaments of ``sample`` out of ``population``.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=RegularizedEvolution(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(
        self, space: Space, *, seed: int = 0, population: int = 30, sample: int = 10
    ) -> None:
        super().__init__(space, seed=seed)
        self.population = population
        self.sample = sample

    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        known = observations.finished
        if len(known.choices) < self.population:
            return self.space.sample(rng)
        n = len(known.choices)
        drawn = rng.integers(n - self.population, n, size=self.sample)  # with replacement
        parent = max(drawn, key=lambda i: float(known.values[i, 0]))
        return mutate(self.space, known.choices[parent], rng)
