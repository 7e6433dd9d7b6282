"""Recipe: the settings of a training that do not depend on the data or on the loss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from bonas.arguments import check_count, check_range
from bonas.errors import unknown

LEARNING_RATES = {"adamw": 0.003, "sgd": 0.1}
WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 0.0005}
_SCHEDULES = ("cosine", "one_cycle")
_FINE_TUNING = 0.1  # of the learning rate from scratch


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

    def make_optimizer(self, weights: Iterable[nn.Parameter]) -> Optimizer:
        """Create the optimizer of ``weights``."""
        weights = list(weights)
        rate, decay = self.learning_rate, self.weight_decay
        fused = all(weight.is_floating_point() for weight in weights)  # not of complex numbers
        if self.optimizer == "adamw":
            return AdamW(weights, rate, weight_decay=decay, fused=fused)
        return SGD(weights, rate, 0.9, weight_decay=decay, nesterov=True, fused=fused)

    def make_schedule(self, optimizer: Optimizer, steps: int) -> LRScheduler:
        """Create the schedule of the learning rate over a training of ``steps`` batches."""
        if self.schedule == "cosine":
            return CosineAnnealingLR(optimizer, steps)
        return OneCycleLR(optimizer, self.learning_rate, total_steps=steps)


def default_rates(
    optimizer: object,
    learning_rate: float | None,
    weight_decay: float | None,
    *,
    is_fine_tuning: bool = False,
) -> tuple[float, float]:
    """Return learning rate and weight decay; None is the optimizer's default.

    That of a fine-tuning is a tenth: the full rate undoes in an epoch what the weights knew.

    Raises:
        InvalidArgument: if the optimizer is unknown.
    """
    if not isinstance(optimizer, str) or optimizer not in LEARNING_RATES:
        raise unknown("optimizer", optimizer, LEARNING_RATES)
    default = LEARNING_RATES[optimizer] * (_FINE_TUNING if is_fine_tuning else 1.0)
    rate = default if learning_rate is None else learning_rate
    return rate, WEIGHT_DECAYS[optimizer] if weight_decay is None else weight_decay
