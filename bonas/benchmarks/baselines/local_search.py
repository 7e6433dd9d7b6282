"""Local search: move to a better neighbour until there is none, then restart.

The best of ``initial`` random architectures is the first incumbent. Its neighbours (one choice
changed) are evaluated in random order; the first better one is the next incumbent, or with
``whole`` the best of all of them, if it is better. Where no neighbour is better, a random
architecture is the next incumbent.

The incumbent is found by replaying the trials in the order of their numbers; trials that did not
finish have the score -inf.

Source: White, Nolen and Savani (2021), "Exploring the loss landscape in neural architecture
search", UAI; moving to the first better neighbour is the default of the authors' release, and needs
fewer evaluations on NAS-Bench-201.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bonas.benchmarks.baselines.baseline import Baseline
from bonas.benchmarks.baselines.mutation import sample_unseen
from bonas.benchmarks.baselines.observations import Key, Observations, key
from bonas.spaces import Choices, Space


class LocalSearch(Baseline):
    """Hill climbing with restarts.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=LocalSearch(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(
        self, space: Space, *, seed: int = 0, initial: int = 10, whole: bool = False
    ) -> None:
        super().__init__(space, seed=seed)
        self.initial = initial
        self.whole = whole

    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        left = self._unevaluated(observations)
        if left:
            return left[int(rng.integers(len(left)))]
        return sample_unseen(self.space, observations.seen, rng)

    def _unevaluated(self, observations: Observations) -> list[Choices]:
        """Return the incumbent's neighbours still to be evaluated; none before a restart."""
        trials = [
            (key(choices), choices, _score(row))
            for choices, row in zip(observations.choices, observations.values, strict=True)
        ]
        if len(trials) < self.initial:
            return []
        scores = {at: score for at, _, score in trials[: self.initial]}
        _, incumbent, value = max(trials[: self.initial], key=lambda trial: trial[2])
        i = self.initial
        while True:
            neighbours = list(self.space.neighbours(incumbent))
            left = {key(near): near for near in neighbours if key(near) not in scores}
            while left and (self.whole or _best(neighbours, scores)[0] <= value):
                if i == len(trials):
                    return list(left.values())
                at, _, new = trials[i]
                scores[at] = max(new, scores.get(at, -math.inf))
                left.pop(at, None)
                i += 1
            best, near = _best(neighbours, scores)
            if best > value:
                incumbent, value = near, best
            elif i == len(trials):
                return []
            else:  # a restart
                at, incumbent, value = trials[i]
                scores[at] = value
                i += 1


def _score(row: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(row[0]) if np.isfinite(row[0]) else -math.inf


def _best(neighbours: Sequence[Choices], scores: dict[Key, float]) -> tuple[float, Choices]:
    """Return the highest score of a neighbour (-inf where none was evaluated), and its choices."""
    scored = [(scores.get(key(near), -math.inf), near) for near in neighbours]
    return max(scored, key=lambda pair: pair[0], default=(-math.inf, {}))
