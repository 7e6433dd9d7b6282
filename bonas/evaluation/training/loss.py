"""The loss that a training minimises.

| targets | loss |
|---|---|
| labels, tokens | cross-entropy; ``IGNORE_INDEX`` is left out |
| several labels | binary cross-entropy of each |
| numbers | squared error, of standardised columns or of images as they are |
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from bonas.errors import InvalidArgument
from bonas.evaluation.data.splits import Splits, TargetScale
from bonas.evaluation.data.targets import IGNORE_INDEX, Task

_SMOOTHING = 0.1  # of labels; tokens and numbers are taken as they are


@dataclass(frozen=True, slots=True)
class Loss:
    """The mean loss of a batch.

    Attributes:
        task: What the targets are for.
        smoothing: Share of each label that is spread over all classes.
        weights: Of each class; empty where all rows weigh the same.
        scale: Standardises the targets of a regression of columns.
    """

    task: Task | None
    smoothing: float
    weights: tuple[float, ...] = ()
    scale: TargetScale | None = None

    @classmethod
    def of(cls, splits: Splits, smoothing: float | None, *, balanced: bool) -> Loss:
        """Return the loss for these splits; balanced weighs classes by the inverse of their shares.

        A class of ``r`` of ``n`` training rows, out of ``k`` classes, weighs ``n / (k r)``.

        Raises:
            InvalidArgument: if weights or smoothing are given where there are no labels.
        """
        if balanced and splits.task != "classification":
            raise InvalidArgument(
                f"expected class_weights for labels only, got {splits.task!r} targets; "
                "leave them out"
            )
        if splits.task in ("regression", "multi_label") and smoothing:
            what = "a regression" if splits.task == "regression" else "several labels per row"
            raise InvalidArgument(
                f"expected label_smoothing for labels and tokens only, got {smoothing} for "
                f"{what}; leave it out"
            )
        if smoothing is None:
            smoothing = _SMOOTHING if splits.task == "classification" else 0.0
        n, k = sum(splits.counts), len(splits.counts)
        weights = tuple(n / (k * max(r, 1)) for r in splits.counts) if balanced else ()
        return cls(splits.task, smoothing, weights, splits.scale)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss.

        Args:
            outputs: ``batch x ... x classes``, or of the shape of the targets.
            targets: Labels ``batch x ...``, or numbers.
        """
        if self.task == "multi_label":
            return binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))
        if self.task == "regression":
            scaled = targets if self.scale is None else self.scale.standardise(targets)
            return mse_loss(outputs, scaled.to(outputs.dtype))
        if targets.dim() > 1 and not (targets != IGNORE_INDEX).any():  # whose mean would be nan
            return outputs.sum() * 0.0
        return cross_entropy(
            outputs.flatten(0, -2),
            targets.flatten(),
            weight=self._weights(outputs),
            label_smoothing=self.smoothing,
        )

    def _weights(self, outputs: Tensor) -> Tensor | None:
        """Return a weight per output; outputs without a class have 1."""
        if not self.weights:
            return None
        spare = outputs.shape[-1] - len(self.weights)
        return torch.tensor([*self.weights, *[1.0] * spare]).to(outputs)
