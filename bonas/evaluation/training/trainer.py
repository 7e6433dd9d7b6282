"""Trainer: the loop over epochs and batches, whatever the loss is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from bonas.errors import InvalidArgument, NotFinite
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.recipe import Recipe

Step = Callable[[nn.Module, Any], Tensor | None]
"""A function of a network and a batch that returns the loss; None for a batch to be left out."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a training.

    Attributes:
        number: From 1.
        loss: The mean loss of its batches; None if all were left out.
        seconds: Wall time of the training up to its end, without what is done between epochs.
    """

    number: int
    loss: float | None
    seconds: float


@dataclass(frozen=True, eq=False, slots=True)
class Trainer:
    """Trains networks by a recipe.

    Attributes:
        recipe: Epochs, optimizer and schedule.
        batches: Of the training rows, shuffled anew in each epoch.
        step: Computes the loss.
        others: Holds weights that are trained along with the network's, such as those of a loss.
    """

    recipe: Recipe
    batches: Batches
    step: Step
    others: nn.Module

    def epochs(self, network: nn.Module) -> Generator[Epoch, None, None]:
        """Train a network; yield each epoch after it.

        Raises:
            NotFinite: if the loss is not finite.
            InvalidArgument: if the step returns no loss with a gradient.
        """
        seconds, began = 0.0, time.perf_counter()
        optimizer = self.recipe.make_optimizer([*network.parameters(), *self.others.parameters()])
        schedule = self.recipe.make_schedule(optimizer, self.recipe.epochs * len(self.batches))
        network.train()
        for number in range(1, self.recipe.epochs + 1):
            loss = self._train_epoch(number, network, optimizer, schedule)
            seconds += time.perf_counter() - began
            yield Epoch(number, loss, seconds)
            began = time.perf_counter()

    def _train_epoch(
        self, number: int, network: nn.Module, optimizer: Optimizer, schedule: LRScheduler
    ) -> float | None:
        """Train on each batch once; return the mean loss."""
        device = self.batches.device
        total, steps = torch.zeros((), device=device), 0
        for batch in self.batches:
            with in_precision(self.recipe.precision, device):
                loss = self.step(network, batch)
            if loss is None:
                continue
            check_loss(loss)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
            optimizer.step()
            schedule.step()
            total += loss.detach()
            steps += 1
        if not total.isfinite():  # once per epoch: each look waits for the device
            raise NotFinite(
                f"expected a finite loss, got {total.item()} in epoch {number}; lower the learning "
                f"rate ({self.recipe.learning_rate}) or normalise inside the network"
            )
        return total.item() / steps if steps else None


def check_loss(loss: object) -> None:
    """Refuse what cannot be minimised.

    Raises:
        InvalidArgument: if it is no tensor of one number with a gradient.
    """
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        graded = isinstance(loss, Tensor) and loss.requires_grad
        raise InvalidArgument(
            f"expected a loss that is a tensor of one number with a gradient, got {got} with "
            f"{'a' if graded else 'no'} gradient; return the mean of the rows' losses"
        )
