"""The gradient of the validation loss with respect to the logits, through the weights.

    first order     dL_val(w, a) / da
    second order    dL_val(w', a) / da - xi d2L_train(w, a) / da dw . v
                    w' = w - xi dL_train(w, a) / dw,   v = dL_val(w', a) / dw'

    the product     ~ [dL_train(w + eps v, a) / da - dL_train(w - eps v, a) / da] / (2 eps)
                    eps = 0.01 / ||v||

``w`` weights, ``a`` logits, ``xi`` the step of the weights; a plain gradient step, without the
momentum of their optimizer, as in the paper's equations. The second order costs five passes forward
and back, the first order one.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR, equations
6 to 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

Loss = Callable[[], Tensor]
"""Returns the loss of one batch with the weights and logits of the moment."""

_LENGTH = 0.01  # of the step of the finite difference


def first_order(validation: Loss, logits: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradient of the validation loss where the weights are constants."""
    return gradients(validation(), logits)


def second_order(
    train: Loss,
    validation: Loss,
    weights: Sequence[Tensor],
    logits: Sequence[Tensor],
    xi: float,
) -> list[Tensor]:
    """Return the gradient of the validation loss after one step of the weights.

    Args:
        train: The loss that the step of the weights lowers.
        validation: The loss that the logits are to lower.
        weights: Leaf tensors, which have their values afterwards.
        logits: Leaf tensors.
        xi: Length of the step of the weights, above 0.
    """
    step = gradients(train(), weights)
    with moved(weights, step, -xi):
        both = gradients(validation(), [*logits, *weights])
    direct, v = both[: len(logits)], both[len(logits) :]
    norm = torch.stack([each.square().sum() for each in v]).sum().sqrt().item()
    if norm == 0.0:  # no weight matters: neither does what the logits do to them
        return direct
    eps = _LENGTH / norm
    with moved(weights, v, eps):
        above = gradients(train(), logits)
    with moved(weights, v, -eps):
        below = gradients(train(), logits)
    parts = zip(direct, above, below, strict=True)
    return [d - xi * (high - low) / (2 * eps) for d, high, low in parts]


def gradients(loss: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients of a loss; zeros for tensors that it does not depend on."""
    found = torch.autograd.grad(loss, list(of), allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(of, found, strict=True)]


@contextmanager
def moved(tensors: Sequence[Tensor], direction: Sequence[Tensor], length: float) -> Iterator[None]:
    """Run the block with tensors moved along a direction; they have their values afterwards."""
    with torch.no_grad():
        before = [x.clone() for x in tensors]
        for x, d in zip(tensors, direction, strict=True):
            x.add_(d, alpha=length)
    try:
        yield
    finally:
        with torch.no_grad():
            for x, own in zip(tensors, before, strict=True):
                x.copy_(own)
