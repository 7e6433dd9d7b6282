"""Parameters, each counted once: for the operation that reads it first.

Operations that read it again are ``tied`` to that one. Which one it was is said by a number: how
many reads of new parameters of the same shapes there were before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from torch import Tensor

from bonas.spaces.tracing.layouts import Shape


class ParameterCounter:
    """The parameters that the operations of a run have read so far."""

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self._reads: Counter[tuple[Shape, ...]] = Counter()

    def count(self, parameters: Sequence[Tensor]) -> tuple[int, list[str]]:
        """Return how many trainable numbers are new, and a label for those that are not."""
        owners = self._owners
        new: dict[int, Shape] = {}
        tied: set[int] = set()
        count = 0
        for parameter in parameters:
            key = id(parameter)
            if key in owners:
                tied.add(owners[key])
            elif key not in new:
                new[key] = shape = tuple(parameter.shape)
                count += math.prod(shape) if parameter.requires_grad else 0
        if new:
            shapes = tuple(new.values())
            owners.update(dict.fromkeys(new, self._reads[shapes]))
            self._reads[shapes] += 1
        return count, [f"tied={' '.join(map(str, sorted(tied)))}"] if tied else []
