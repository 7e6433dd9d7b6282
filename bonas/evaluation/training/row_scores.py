"""Row scores: what a metric needs of each row, kept so that it can be computed of any of them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bonas.evaluation.training.metrics import Metric, scored


@dataclass(frozen=True, eq=False, slots=True)
class RowScores:
    """What decides a metric on ``n`` rows, places or tokens.

    Attributes:
        metric: The metric.
        kept: What it needs of the outputs, ``n x ...``, on the CPU.
        targets: The targets, ``n x ...``, on the CPU.
    """

    metric: Metric
    kept: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def score(self, rows: Tensor | None = None) -> float:
        """Return the metric of some rows, which may be named several times; None is all.

        Raises:
            EvaluationFailed: if it is not a finite number.
        """
        if rows is None:
            return scored(self.metric, [self.kept], [self.targets])
        return scored(self.metric, [self.kept[rows]], [self.targets[rows]])
