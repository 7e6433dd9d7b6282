"""Stream: training batches without an end, from any place on.

An epoch's order depends on the seed and its number alone, so that a stream that begins at a place
yields what another one yields after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bonas.errors import InvalidData
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.runtime import seeded


class Stream:
    """Shuffled batches, one epoch after the other.

    Attributes:
        epoch: The number of the epoch of the next batch, from 0.
        index: How many batches of this epoch were taken.
    """

    def __init__(self, batches: Batches, seed: tuple[int, ...], epoch: int, index: int) -> None:
        self._batches, self._seed = batches, seed
        self.epoch, self.index = epoch, index
        self._ahead = self._opened(index)

    def next(self) -> Any:
        """Return the next batch.

        Raises:
            InvalidData: if an epoch has none.
        """
        for batch in self._ahead:
            self.index += 1
            return batch
        self.epoch, self.index = self.epoch + 1, 0
        self._ahead = self._opened(0)
        for batch in self._ahead:
            self.index = 1
            return batch
        raise InvalidData(
            "expected batches to train on, got none; give more rows, or a smaller batch size"
        )

    def _opened(self, skipped: int) -> Iterator[Any]:
        """Begin the epoch, and skip some of its batches."""
        seed = np.random.SeedSequence((*self._seed, self.epoch))
        shuffler = self._batches.shuffler
        assert shuffler is not None
        shuffler.manual_seed(int(seed.generate_state(1)[0]))
        with seeded(seed, self._batches.device):  # which a loader's own order is drawn from
            ahead = iter(self._batches)
            first = next(ahead, None)
        batches = _after(first, ahead)
        for _ in range(skipped):
            next(batches, None)
        return batches


def _after(first: Any, others: Iterator[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
        yield from others
