"""Running metric: how well a network does on the training rows, from the passes that train it.

After a few epochs it ranks networks better than a score on few validation rows, and costs no pass
of its own. It is taken while the weights change, in training mode and on augmented inputs, so it
lags behind the network and is no estimate of its error.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

import torch
from torch import Tensor

from bonas.errors import EvaluationFailed
from bonas.evaluation.data.splits import TargetScale
from bonas.evaluation.record import TRAINING
from bonas.evaluation.training.metrics import Metric, scored

_MOST = 1_000_000  # targets that are kept of an epoch: its last ones


class RunningMetric:
    """Collects the predictions of an epoch, and scores them at its end.

    Args:
        metric: One of bonas; a function of a user's own may expect all validation rows.
        scale: Of the targets of a regression; None if predictions are in their units.
    """

    def __init__(self, metric: Metric, scale: TargetScale | None) -> None:
        self._metric, self._scale = metric, scale
        self._kept: deque[tuple[Tensor, Tensor]] = deque()
        self._size = 0

    @torch.no_grad()
    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Take the predictions of a batch, ``batch x ...``, and its targets."""
        outputs = outputs.detach()
        if outputs.dtype in (torch.bfloat16, torch.float16):
            outputs = outputs.float()
        if self._scale is not None:
            outputs = self._scale.restore(outputs)
        self._kept.append(self._metric.of_batch(outputs, targets))
        self._size += self._kept[-1][1].numel()
        while self._size - self._kept[0][1].numel() >= _MOST:
            self._size -= self._kept.popleft()[1].numel()

    def take(self) -> dict[str, float]:
        """Return the metric of the epoch under the name of its curve, and begin the next one.

        Empty if there is no number: without rows, or with outputs that are not finite.
        """
        kept = [part for part in self._kept if part[1].numel()]
        self._kept.clear()
        self._size = 0
        if not kept:
            return {}
        with suppress(EvaluationFailed, ValueError):
            outputs, targets = [a for a, _ in kept], [b for _, b in kept]
            name = TRAINING + self._metric.objective.name
            return {name: scored(self._metric, outputs, targets)}
        return {}
