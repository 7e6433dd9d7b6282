"""In-place distillation: networks of a step learn from the soft outputs of its first one.

    L = - sum_c p_c log q_c,   p = softmax(teacher's outputs),  q = softmax(own outputs)

averaged over rows, or tokens that count; the teacher's outputs are constants. With class weights
each term is multiplied by that of its class.

Source: Yu and Huang, "Universally slimmable networks and improved training techniques", ICCV 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bonas.evaluation.data.inputs import Inputs
from bonas.evaluation.data.targets import IGNORE_INDEX
from bonas.evaluation.training.loss import Loss
from bonas.evaluation.training.supervised import Supervised
from bonas.evaluation.training.trainer import Step as LossOfBatch

Settings = Callable[[], AbstractContextManager[Any]]
"""Makes the context in which a loss is computed, such as that of a precision."""


def losses(
    networks: Sequence[nn.Module],
    batch: Any,
    loss: LossOfBatch,
    settings: Settings,
    *,
    taught: bool,
) -> Iterator[Tensor | None]:
    """Yield the loss of each network on a batch; None for a batch to be left out.

    All see the same rows, augmented once. Each loss is computed when it is asked for, so that one
    network's graph is in memory at a time. If ``taught``, all but the first learn from the outputs
    of the first, where there are soft ones.
    """
    if not isinstance(loss, Supervised):
        for network in networks:
            with settings():
                found = loss(network, batch)
            yield found
        return
    rows = loss.rows(batch)
    if rows is None:
        yield None
        return
    soft = taught and has_soft_outputs(loss)
    yield from _on_rows(networks, *rows, loss, settings, taught=soft)


def has_soft_outputs(loss: LossOfBatch) -> bool:
    """Return whether outputs are logits of classes or tokens, under bonas's own loss."""
    return (
        isinstance(loss, Supervised)
        and isinstance(loss.loss, Loss)
        and loss.splits.task in ("classification", "next_token")
    )


def soft_cross_entropy(
    outputs: Tensor, teacher: Tensor, targets: Tensor, weights: Sequence[float] = ()
) -> Tensor:
    """Return the mean cross-entropy of outputs with the teacher's softmax.

    Args:
        outputs: ``batch x ... x classes``.
        teacher: Of the same shape.
        targets: Labels ``batch x ...``; where they are ``IGNORE_INDEX`` nothing counts.
        weights: One per class; empty where all weigh the same.
    """
    classes = outputs.shape[-1]
    counted = (targets != IGNORE_INDEX).flatten()
    if not counted.any():
        return outputs.sum() * 0.0
    own = outputs.reshape(-1, classes)[counted]
    soft = teacher.detach().reshape(-1, classes)[counted].softmax(-1)
    weight = None
    if weights:
        weight = torch.tensor([*weights, *[1.0] * (classes - len(weights))]).to(own)
    return cross_entropy(own, soft.to(own.dtype), weight=weight)


def _on_rows(
    networks: Sequence[nn.Module],
    inputs: Inputs,
    targets: Any,
    step: Supervised,
    settings: Settings,
    *,
    taught: bool,
) -> Iterator[Tensor]:
    """Yield the loss of each network on the same rows."""
    teacher: Tensor | None = None
    for network in networks:
        with settings():
            returned = step.feed(inputs).call(network)
            if teacher is None:
                loss = step.loss_of(returned, targets)
                teacher = _prediction(step, returned, targets).detach() if taught else None
            else:
                loss = _taught(step, returned, targets, teacher)
        del returned
        yield loss


def _taught(step: Supervised, returned: Any, targets: Tensor, teacher: Tensor) -> Tensor:
    outputs = _prediction(step, returned, targets)
    assert isinstance(step.loss, Loss)
    if outputs.shape != teacher.shape:  # a network with other classes cannot be taught
        return step.loss_of(returned, targets)
    return soft_cross_entropy(outputs, teacher, targets, step.loss.weights)


def _prediction(step: Supervised, returned: Any, targets: Tensor) -> Tensor:
    assert step.reader is not None  # bonas's own loss reads predictions
    return step.reader.prediction(returned, targets)
