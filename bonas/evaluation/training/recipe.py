"""A recipe: how the weights of a network are trained, whatever the loss is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from bonas.arguments import check_count, check_range
from bonas.errors import EvaluationFailed, InvalidArgument, unknown
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.runtime import in_precision

LEARNING_RATES = {"adamw": 0.003, "sgd": 0.1}
WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 0.0005}
_SCHEDULES = ("cosine", "one_cycle")

Step = Callable[[nn.Module, Any], Tensor | None]
"""The loss of a network on a batch; None for a batch that is left out."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Epochs, optimizer, schedule and precision.

    Raises:
        InvalidArgument: if a setting is out of its range.
    """

    epochs: int
    optimizer: Literal["adamw", "sgd"]
    learning_rate: float
    weight_decay: float
    schedule: Literal["cosine", "one_cycle"]
    precision: str | None = None

    def __post_init__(self) -> None:
        if self.schedule not in _SCHEDULES:
            raise unknown("schedule", self.schedule, _SCHEDULES)
        if self.precision not in (None, "bf16"):
            raise unknown("precision", self.precision, ("bf16",))
        check_count("epochs", self.epochs)
        check_range("learning_rate", self.learning_rate, 0.0, 1e3)
        check_range("weight_decay", self.weight_decay, 0.0, 1e3)

    def train(self, network: nn.Module, batches: Batches, step: Step, others: nn.Module) -> None:
        """Train a network, and the weights of ``others``, such as those of a loss.

        Raises:
            EvaluationFailed: if the loss is not finite.
            InvalidArgument: if the step returns no loss that can be lowered.
        """
        device = batches.device
        optimizer = self._optimizer([*network.parameters(), *others.parameters()])
        schedule = self._schedule(optimizer, self.epochs * len(batches))
        network.train()
        for epoch in range(1, self.epochs + 1):
            total = torch.zeros((), device=device)
            for batch in batches:
                with in_precision(self.precision, device):
                    loss = step(network, batch)
                if loss is None:
                    continue
                _check_loss(loss)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
                optimizer.step()
                schedule.step()
                total += loss.detach()
            if not total.isfinite():  # looked at once an epoch: each look waits for the device
                raise EvaluationFailed(
                    f"expected a finite loss, got {total.item()} in epoch {epoch}; "
                    f"lower the learning rate ({self.learning_rate}) or normalise inside the "
                    "network"
                )

    def _optimizer(self, weights: Iterable[nn.Parameter]) -> Optimizer:
        weights = list(weights)
        rate, decay = self.learning_rate, self.weight_decay
        fused = all(weight.is_floating_point() for weight in weights)  # not of complex numbers
        if self.optimizer == "adamw":
            return AdamW(weights, rate, weight_decay=decay, fused=fused)
        return SGD(weights, rate, 0.9, weight_decay=decay, nesterov=True, fused=fused)

    def _schedule(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        if self.schedule == "cosine":
            return CosineAnnealingLR(optimizer, steps)
        return OneCycleLR(optimizer, self.learning_rate, total_steps=steps)


def default_rates(
    optimizer: object, learning_rate: float | None, weight_decay: float | None
) -> tuple[float, float]:
    """Learning rate and weight decay; None is the usual one of the optimizer.

    Raises:
        InvalidArgument: if there is no such optimizer.
    """
    if not isinstance(optimizer, str) or optimizer not in LEARNING_RATES:
        raise unknown("optimizer", optimizer, LEARNING_RATES)
    rate = LEARNING_RATES[optimizer] if learning_rate is None else learning_rate
    return rate, WEIGHT_DECAYS[optimizer] if weight_decay is None else weight_decay


def _check_loss(loss: object) -> None:
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        graded = isinstance(loss, Tensor) and loss.requires_grad
        raise InvalidArgument(
            f"expected a loss that is a tensor of one number with a gradient, got {got} with "
            f"{'a' if graded else 'no'} gradient; return the mean of the rows' losses"
        )
