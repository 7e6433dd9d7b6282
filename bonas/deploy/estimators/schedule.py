"""Schedule: how long each training of an estimator lasts, and on how many rows.

A full training has ``full`` epochs, such that about ``STEPS`` batches are seen. Of a budget of time
``T`` the search has 70 %, the retraining on all rows the rest:

    epochs = min(full, 0.7 T / (30 trainings * seconds per epoch))

and where that is below 1, one epoch on so many rows that 20 trainings fit. Seconds per epoch come
from a few steps of random networks. With a budget of trainings all are full ones, so that a result
does not depend on the speed of the machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bonas.arguments import is_count
from bonas.deploy.estimators.inputs import Kind
from bonas.errors import BonasError
from bonas.evaluation.runtime import resolved_device, seeded
from bonas.spaces import Choices, Space
from bonas.threads import limited_threads

SEARCH_SHARE = 0.7
"""Of a budget of time; the rest is for the retraining."""
STEPS = 1_500
"""Batches of a full training, as far as the bounds on its epochs allow."""

_EPOCHS: dict[Kind, tuple[int, int]] = {
    "table": (10, 60),
    "images": (6, 30),
    "sequences": (8, 40),
    "tokens": (8, 40),
}
_BATCHES = (16, 128)
_SPLIT_INTO = 16  # batches at least, within the bounds above
_TRAININGS, _FEWEST = 30, 20  # of a search in a budget of time
_LEAST_ROWS = 500  # a ranking on fewer is noise
_VALIDATION = 1.15  # seconds of an epoch with its share of a score, in those of its steps
_PROBED, _WARM, _TIMED = 3, 1, 2  # networks, and steps of each
_SMALL_BATCH = 32  # rows of a step that is timed; more cost proportionally more


@dataclass(frozen=True, slots=True)
class Schedule:
    """The length of the trainings.

    Attributes:
        epochs: Of a training in the search.
        rows: Training rows in the search.
        full: Epochs of the retraining, if there is time.
        batch_size: Rows per step.
    """

    epochs: int
    rows: int
    full: int
    batch_size: int

    @classmethod
    def of(
        cls, kind: Kind, n: int, *, epochs: int | None = None, batch_size: int | None = None
    ) -> Schedule:
        """Return the schedule of full trainings on ``n`` rows; what is given holds."""
        low, high = _BATCHES
        if batch_size is None:
            batch_size = min(high, max(low, 2 ** round(math.log2(max(n, 1) / _SPLIT_INTO))))
        steps = max(1, n // batch_size)
        least, most = _EPOCHS[kind]
        full = min(most, max(least, math.ceil(STEPS / steps))) if epochs is None else epochs
        return cls(full, n, full, batch_size)

    @classmethod
    def stored(cls, value: object) -> Schedule | None:
        """Return what ``stored_value`` gave; None for anything else."""
        if isinstance(value, list) and len(value) == 4 and all(is_count(v, least=1) for v in value):
            return cls(*value)
        return None

    def stored_value(self) -> list[int]:
        """Return the numbers as a JSON value."""
        return [self.epochs, self.rows, self.full, self.batch_size]

    def within(self, seconds: float, per_step: float, *, fixed_epochs: bool) -> Schedule:
        """Return the schedule for a search of so many seconds; epochs that a user fixed stay."""
        per_epoch = _VALIDATION * per_step * max(1, math.ceil(self.rows / self.batch_size))
        epochs = self.full
        if not fixed_epochs:
            epochs = int(min(self.full, max(1, seconds / (_TRAININGS * per_epoch))))
        affordable = seconds / (_FEWEST * epochs * per_epoch)
        rows = self.rows
        if affordable < 1:
            rows = min(rows, max(_LEAST_ROWS, int(affordable * rows)))
        return Schedule(epochs, rows, self.full, self.batch_size)

    def retraining(self, seconds: float | None, per_row: float, n: int) -> tuple[int, int]:
        """Return epochs and rows of a retraining: all there are, or as many as fit.

        ``per_row`` are the seconds that a row takes per epoch; without ``seconds`` all fit. Where
        one epoch does not, it has fewer rows, but not fewer than in the search.
        """
        if seconds is None or per_row <= 0:
            return self.full, n
        passes = seconds / (per_row * n)
        if passes < 1:
            return 1, max(min(self.rows, n), int(passes * n))
        return min(self.full, int(passes)), n


def seconds_per_step(
    space: Space, rows: torch.Tensor, threads: int | None, device: str | None, seed: int
) -> float:
    """Return the mean seconds that random networks of a space take for a training step on rows.

    Images and sequences are timed on a few of the rows. Networks that fail are left out; 0 if all
    do, as the search will say why.
    """
    few = rows if rows.ndim == 2 and rows.is_floating_point() else rows[:_SMALL_BATCH]
    rng, where, found = np.random.default_rng(seed), resolved_device(device), []
    seeds = np.random.SeedSequence(seed)
    with limited_threads(threads), seeded(seeds, where):
        for _ in range(_PROBED):
            try:
                network = space.build(_complete(space, space.sample(rng))).to(where)
                found.append(_timed(network, few.to(where)))
            except (BonasError, RuntimeError, ValueError, TypeError):
                continue
    return sum(found) / len(found) * len(rows) / len(few) if found else 0.0


def _complete(space: Space, choices: Choices) -> dict[str, Any]:
    """Return choices with the lowest value of each numeric parameter."""
    lowest = {name: getattr(kind, "low", None) for name, kind in space.numeric.items()}
    return {**choices, **lowest}


def _timed(network: nn.Module, rows: torch.Tensor) -> float:
    """Return the median seconds of a forward and a backward pass and an update."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    times: list[float] = []
    for step in range(_WARM + _TIMED):
        began = time.perf_counter()
        loss = _numbers(network(rows)).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimizer.step()
        loss.item()  # waits for the device
        if step >= _WARM:
            times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]


def _numbers(returned: Any) -> torch.Tensor:
    """Return a tensor of what a network returned."""
    while not isinstance(returned, torch.Tensor):
        parts: Sequence[Any] = list(returned.values() if hasattr(returned, "values") else returned)
        returned = parts[0]
    return returned.float()
