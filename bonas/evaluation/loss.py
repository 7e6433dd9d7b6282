"""The loss that a training lowers: cross-entropy of labels and tokens, squared error of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from bonas.errors import InvalidArgument
from bonas.evaluation.data.splits import Splits, TargetScale

_SMOOTHING = 0.1  # of labels; tokens and numbers are taken as they are


@dataclass(frozen=True, slots=True)
class Loss:
    """The mean loss of a batch.

    Attributes:
        smoothing: Share of each label that is spread over all classes.
        weights: Of each class; empty where all rows weigh the same.
        scale: Standardises the targets of a regression; None for labels and tokens.
    """

    smoothing: float
    weights: tuple[float, ...] = ()
    scale: TargetScale | None = None

    @classmethod
    def of(cls, splits: Splits, smoothing: float | None, *, balanced: bool) -> Loss:
        """The loss for these splits; balanced weighs a class by the inverse of its share.

        A class of ``r`` of ``n`` training rows, out of ``k`` classes, weighs ``n / (k r)``.

        Raises:
            InvalidArgument: if weights or smoothing are given where there are no labels.
        """
        if balanced and splits.task != "classification":
            raise InvalidArgument(
                f"expected class_weights for labels only, got {splits.task!r} targets; "
                "leave them out"
            )
        if splits.task == "regression" and smoothing:
            raise InvalidArgument(
                f"expected label_smoothing for labels and tokens only, got {smoothing} for a "
                "regression; leave it out"
            )
        if smoothing is None:
            smoothing = _SMOOTHING if splits.task == "classification" else 0.0
        n, k = sum(splits.counts), len(splits.counts)
        weights = tuple(n / (k * max(r, 1)) for r in splits.counts) if balanced else ()
        return cls(smoothing, weights, splits.scale)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of outputs ``batch x ... x classes`` or ``batch x columns``, and their targets."""
        if self.scale is not None:
            return mse_loss(outputs, self.scale.standardised(targets))
        return cross_entropy(
            outputs.flatten(0, -2),
            targets.flatten(),
            weight=torch.tensor(self.weights, device=outputs.device) if self.weights else None,
            label_smoothing=self.smoothing,
        )
