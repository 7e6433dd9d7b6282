"""Local search: go to a better neighbour until there is none, then start anew.

The best of ``initial`` random architectures is the first place. Its neighbours (one choice changed)
are evaluated in random order; the first better one is the next place, or with ``whole`` the best of
all of them, if it is better. Where no neighbour is better, a random architecture is the next place.

The place is found by walking through the trials in the order of their numbers; trials that did not
finish are no better than anything.

Source: White, Nolen and Savani (2021), "Exploring the loss landscape in neural architecture
search", UAI; going to the first better neighbour is the default of the authors' release, and needs
fewer evaluations on NAS-Bench-201.
"""

from __future__ import annotations

import math

import numpy as np

from bonas.benchmarks.baselines.baseline import Peer
from bonas.benchmarks.baselines.mutation import unseen
from bonas.benchmarks.baselines.observations import Key, Past, key
from bonas.spaces import Choices, Space


class LocalSearch(Peer):
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

    def _proposal(self, past: Past, rng: np.random.Generator) -> Choices:
        left = self._left(past)
        return left[int(rng.integers(len(left)))] if left else unseen(self.space, past.spent, rng)

    def _left(self, past: Past) -> list[Choices]:
        """The neighbours of the present place that are to be evaluated; none before a restart."""
        trials = [
            (key(choices), choices, _worth(row))
            for choices, row in zip(past.choices, past.values, strict=True)
        ]
        if len(trials) < self.initial:
            return []
        worth = {at: value for at, _, value in trials[: self.initial]}
        _, place, value = max(trials[: self.initial], key=lambda trial: trial[2])
        i = self.initial
        while True:
            around = list(self.space.neighbours(place))
            left = {key(near): near for near in around if key(near) not in worth}
            while left and (self.whole or _best(around, worth)[0] <= value):
                if i == len(trials):
                    return list(left.values())
                at, _, new = trials[i]
                worth[at] = max(new, worth.get(at, -math.inf))
                left.pop(at, None)
                i += 1
            found, near = _best(around, worth)
            if found > value:
                place, value = near, found
            elif i == len(trials):
                return []
            else:  # a restart
                at, place, value = trials[i]
                worth[at] = value
                i += 1


def _worth(row: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(row[0]) if np.isfinite(row[0]) else -math.inf


def _best(around: list[Choices], worth: dict[Key, float]) -> tuple[float, Choices]:
    """The highest value among the neighbours (-inf where none was evaluated), and whose it is."""
    scored = [(worth.get(key(near), -math.inf), near) for near in around]
    return max(scored, key=lambda pair: pair[0], default=(-math.inf, {}))
