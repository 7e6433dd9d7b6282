"""Baselines that fit a model once per batch, rank candidates with it, and take them in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from bonas.benchmarks.baselines.baseline import Baseline
from bonas.benchmarks.baselines.mutation import sample_unseen
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.spaces import Choices, Space
from bonas.threads import one_thread


class BatchedBaseline(Baseline):
    """``initial`` random trials, then batches of ``batch`` from one ranking each.

    The ranking of a batch follows from the trials before the batch. It is cached while these stay
    the same, and computed again after a restart.
    """

    def __init__(self, space: Space, *, seed: int, initial: int, batch: int) -> None:
        super().__init__(space, seed=seed)
        self.initial = initial
        self.batch = batch
        self._cached: tuple[object, Sequence[Choices]] | None = None

    @abstractmethod
    def _rank(self, observations: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        """Return valid unseen choices, the best first; at least one trial is finished."""

    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        asked = len(observations.choices)
        start = asked - (asked - self.initial) % self.batch  # of the batch
        known = observations.first(start)
        if asked >= self.initial and known.finished.choices:
            for choices in self._ranking(known, start):
                if key(choices) not in observations.seen:
                    return choices
        return sample_unseen(self.space, observations.seen, rng)

    def _ranking(self, known: Observations, start: int) -> Sequence[Choices]:
        """Return the ranking of the batch that begins with trial ``start``."""
        basis = tuple(map(key, known.choices)), known.values.tobytes()
        if self._cached is None or self._cached[0] != basis:
            # a stream of its own: the trial that happens to come first has one too
            rng = np.random.default_rng([self.seed, start, self.batch])
            with one_thread():
                self._cached = basis, self._rank(known, rng)
        return self._cached[1]
