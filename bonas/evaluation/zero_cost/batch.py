"""The batch on which networks are scored, and the loss of what they return for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from bonas.errors import InvalidData, NoScore
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.outputs import Reader, shapes_of, tensors_of
from bonas.evaluation.training.loss import Loss
from bonas.spaces import Example


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Inputs, and targets where they are known.

    Without targets, the labels are random: of outputs ``b x classes``, and of ``b x length x
    classes`` if the inputs are whole numbers. Other outputs are compared with normal numbers.

    Attributes:
        example: The ``b`` inputs, as the networks take them.
        targets: Of each input; None if they are to be drawn.
        splits: What is known of the data that the targets belong to.
        seed: Of the numbers that are drawn.
    """

    example: Example
    targets: Tensor | None = None
    splits: Splits | None = None
    seed: int = 0

    @property
    def rows(self) -> int:
        """The number of inputs, ``b``; 1 if the tensors have no common batch, as of a graph."""
        return self.example.rows or 1

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        targets = None if self.targets is None else self.targets.to(device)
        return Batch(self.example.to(device), targets, self.splits, self.seed)

    def halves(self) -> tuple[Batch, Batch]:
        """Return the first and the second half of the batch, of equal size."""
        half = self.rows // 2
        return self._part(slice(0, half)), self._part(slice(half, 2 * half))

    def loss(self, returned: object) -> Tensor:
        """Return the mean loss of what a network returned.

        Raises:
            NoScore: if no output fits the targets, or none is a floating-point tensor.
        """
        if self.targets is not None and self.splits is not None:
            assert self.splits.task is not None  # of data with targets
            try:
                reader = Reader(self.splits.task, self.splits.classes)
                outputs = reader.prediction(returned, self.targets)
            except InvalidData as error:
                raise NoScore(f"{error}; leave out the scores of a loss") from error
            return Loss(self.splits.task, 0.0, (), self.splits.scale)(outputs, self.targets)
        outputs = floating_output(returned)
        if not self._classifies(outputs):
            normal = torch.randn(outputs.shape, generator=self._generator())
            return mse_loss(outputs, normal.to(outputs))
        return cross_entropy(outputs.flatten(0, -2), self.drawn_labels(outputs).flatten())

    def labels(self, returned: object) -> Tensor:
        """Return a label per input, ``b``: those of the data, else random ones.

        Raises:
            NoScore: if the targets are other than one label per input.
        """
        if self.targets is None:
            outputs = floating_output(returned)
            if self._classifies(outputs) and outputs.dim() == 2:
                return self.drawn_labels(outputs)
        elif self.targets.dim() == 1 and not self.targets.is_floating_point():
            return self.targets
        raise NoScore("expected one label per input, got other targets; leave out this score")

    def drawn_labels(self, outputs: Tensor) -> Tensor:
        """Return random labels, one for each row of classes in the outputs."""
        *shape, classes = outputs.shape
        labels = torch.randint(classes, shape, generator=self._generator())
        return labels.to(outputs.device)

    def _classifies(self, outputs: Tensor) -> bool:
        """Return whether the last axis of the outputs is taken as that of classes."""
        tokens = not self.example.first.is_floating_point()
        return outputs.shape[-1] > 1 and (outputs.dim() == 2 or (outputs.dim() == 3 and tokens))

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def _part(self, rows: slice) -> Batch:
        own = self.rows
        example = self.example.mapped(lambda x: x[rows] if x.dim() and len(x) == own else x)
        targets = None if self.targets is None else rows_of(self.targets, rows)
        return Batch(example, targets, self.splits, self.seed + rows.start)


def floating_output(returned: object) -> Tensor:
    """Return the first floating-point tensor in what a network returned.

    Raises:
        NoScore: if there is none.
    """
    for _, tensor in tensors_of(returned):
        if tensor.is_floating_point():
            return tensor
    raise NoScore(
        f"expected a floating-point output, got {shapes_of(returned)}; let the network return one"
    )
