"""A supervised step: the loss of a network on the inputs and targets of one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.data.batches import as_given, inputs_and_targets
from bonas.evaluation.data.inputs import Inputs, as_tensors, is_structured, unpack
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.outputs import AUXILIARY, Reader
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.loss import Loss
from bonas.evaluation.training.running_metric import RunningMetric

LossFunction = Callable[[Any, Any], Tensor]
"""A function of what a network returns and the targets of the batch."""
Augment = Callable[[Any], Any]


@dataclass(frozen=True, eq=False, slots=True)
class Supervised:
    """Computes the loss of a network on a batch; None for a batch of a single row.

    Attributes:
        splits: What is known of the data.
        feed: Passes inputs to the network.
        loss: bonas's own, or the user's. Functions of torch and modules of ``torch.nn`` receive the
            prediction, all others what the network returned; the targets are as the data have them.
        reader: Reads predictions; None if nothing is known of the targets.
        augment: Changes the inputs.
        running: Takes the predictions for the metric on the training rows, with bonas's own loss.
    """

    splits: Splits
    feed: Feed
    loss: Loss | LossFunction
    reader: Reader | None
    augment: Augment | None = None
    running: RunningMetric | None = None

    def __call__(self, network: nn.Module, batch: Any) -> Tensor | None:
        rows = self.rows(batch)
        if rows is None:
            return None
        inputs, targets = rows
        return self.loss_of(self.feed(inputs).call(network), targets)

    def rows(self, batch: Any) -> tuple[Inputs, Any] | None:
        """Return the inputs of a batch, as ``augment`` changed them, and its targets.

        None for a batch of a single row, if anything is known of the targets: batch norm has no
        variance to divide by.
        """
        inputs, targets = self._parts(batch)
        if self.reader is not None and len(targets) == 1:
            return None
        return augmented(inputs, self.augment), targets

    def loss_of(self, returned: Any, targets: Any) -> Tensor:
        """Return the loss of what a network returned for the inputs of these targets."""
        if self.reader is None:
            assert not isinstance(self.loss, Loss)  # which needs to know its targets
            return self.loss(returned, targets)
        if isinstance(self.loss, Loss):
            prediction = self.reader.prediction(returned, targets)
            if self.running is not None:
                self.running.add(prediction, targets)
            loss = self.loss(prediction, targets)
            for other in self.reader.auxiliary(returned, targets):
                loss = loss + AUXILIARY * self.loss(other, targets)
            return loss
        given = as_given(targets, self.splits)
        if _is_of_torch(self.loss) and not isinstance(returned, Tensor):
            returned = self.reader.as_returned(returned, targets)
        return self.loss(returned, given)

    def _parts(self, batch: Any) -> tuple[Inputs, Any]:
        if self.reader is None:
            x, y = unpack(batch, "batches (inputs, targets)")
            return (as_tensors(x) if is_structured(x) else x), y
        return inputs_and_targets(batch, self.splits)


def augmented(inputs: Any, augment: Augment | None) -> Any:
    """Return the inputs as ``augment`` changed them: in their values only.

    Raises:
        InvalidData: if it gives another shape.
    """
    if augment is None:
        return inputs
    with torch.no_grad():
        changed: object = augment(inputs)
    if not isinstance(inputs, Tensor):
        if type(changed) is not type(inputs):
            raise InvalidData(
                f"expected a {type(inputs).__name__} of inputs back from augment, got a "
                f"{type(changed).__name__}; return what it received, with other values"
            )
        return changed
    if not isinstance(changed, Tensor) or changed.shape != inputs.shape:
        got = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
        raise InvalidData(
            f"expected inputs of shape {tuple(inputs.shape)} back from augment, got {got}; "
            "let it change the values only"
        )
    return changed.to(inputs.device, inputs.dtype)


def _is_of_torch(loss: object) -> bool:
    """Return whether it is a function or a module of torch, which take only tensors."""
    while isinstance(loss, partial):
        loss = loss.func
    kind = loss if hasattr(loss, "__name__") else type(loss)  # a function has a name of its own
    return str(getattr(kind, "__module__", "")).split(".")[0] == "torch"
