"""Methods that fit a model once a batch, rank a pool with it, and take the best in turn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from bonas.benchmarks.baselines.baseline import Peer
from bonas.benchmarks.baselines.mutation import unseen
from bonas.benchmarks.baselines.observations import Past, key
from bonas.spaces import Choices, Space
from bonas.threads import one_thread


class BatchedPeer(Peer):
    """``initial`` random trials, then batches of ``batch`` from one ranking each.

    The ranking of a batch follows from the trials before the batch; it is kept while they stay the
    same, and made again from them where it was lost.
    """

    def __init__(self, space: Space, *, seed: int, initial: int, batch: int) -> None:
        super().__init__(space, seed=seed)
        self.initial = initial
        self.batch = batch
        self._kept: tuple[object, Sequence[Choices]] | None = None

    @abstractmethod
    def _ranking(self, past: Past, rng: np.random.Generator) -> Sequence[Choices]:
        """Valid unspent choices, the most promising first; ``past`` has a finished trial."""

    def _proposal(self, past: Past, rng: np.random.Generator) -> Choices:
        asked = len(past.choices)
        start = asked - (asked - self.initial) % self.batch  # of the batch
        known = past.first(start)
        if asked >= self.initial and known.finished.choices:
            for choices in self._present(known, start):
                if key(choices) not in past.spent:
                    return choices
        return unseen(self.space, past.spent, rng)

    def _present(self, known: Past, start: int) -> Sequence[Choices]:
        basis = tuple(map(key, known.choices)), known.values.tobytes()
        if self._kept is None or self._kept[0] != basis:
            # a stream of its own: the trial that happens to come first has one too
            rng = np.random.default_rng([self.seed, start, self.batch])
            with one_thread():
                self._kept = basis, self._ranking(known, rng)
        return self._kept[1]
