"""The alternating descent of a mixture: a step of the logits, a step of the weights, ...

    a <- a - Adam(d L_val / da)           first or second order (``bilevel``)
    w <- w - recipe(d L_train / dw)       the optimizer and schedule of the training

L_train is the loss of a batch of one half of the training rows, L_val that of the other half. The
settings of Adam are those of the source: rate 3e-4, betas 0.5 and 0.999, weight decay 1e-3.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from bonas.arguments import check_positive, check_range
from bonas.errors import InvalidArgument, InvalidData, NotFinite
from bonas.evaluation import Candidate, ShortTraining
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.supervised import Supervised
from bonas.gradient_search.halves import halves
from bonas.gradient_search.mixture.bilevel import first_order, gradients, second_order
from bonas.gradient_search.mixture.curvature import dominant_eigenvalue
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.gradient_search.penalty import Penalty

_TICKS = 1_000  # of the schedule over a whole search
_PRODUCTS = 10  # with the Hessian, for an eigenvalue


@dataclass(frozen=True, slots=True)
class Descent:
    """How the logits descend.

    Attributes:
        order: 1 takes the weights as constants, 2 sees one step of theirs.
        learning_rate: Of the logits. In ``n`` steps a logit moves by ``n`` times this rate, at
            most: short searches need a higher one.
        weight_decay: Of the logits.

    Raises:
        InvalidArgument: if a setting is out of its range.
    """

    order: int = 1
    learning_rate: float = 3e-4
    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise InvalidArgument(f"expected the order 1 or 2, got {self.order!r}")
        check_positive("learning_rate", self.learning_rate)
        check_range("weight_decay", self.weight_decay, 0.0, 1e3)


class Alternation:
    """A descent in progress; ``step`` changes the mixture.

    Args:
        mixture: Moved to the device.
        training: Gives rows, loss and the recipe of the weights.
        descent: How the logits descend.
        device: Where it computes.
        generator: Splits and shuffles the rows.
        penalty: Of costly networks, added to L_val.

    Raises:
        InvalidData: if the mixture does not fit the data, or there are too few rows.
    """

    def __init__(
        self,
        mixture: Mixture,
        training: ShortTraining,
        descent: Descent,
        device: torch.device,
        generator: torch.Generator,
        penalty: Penalty | None = None,
    ) -> None:
        self.mixture, self._descent, self._device = mixture.to(device), descent, device
        self._penalty = penalty
        nobody = Candidate.without_trial(mixture.space, {})
        procedure = training.procedure
        trainer = procedure.prepare(mixture, nobody, device, generator).trainer
        step, self._recipe = trainer.step, trainer.recipe
        self._loss = replace(step, running=None) if isinstance(step, Supervised) else step
        own, other = halves(training.splits.train, generator)
        self._parts = [Batches(p, training.batch_size, device, generator) for p in (own, other)]
        self._scored = procedure.batches(other, device)
        self._train, self._validation = (_endless(batches) for batches in self._parts)
        self.weights = [*mixture.weights, *trainer.others.parameters()]
        self.restart()
        self._adam = torch.optim.Adam(
            mixture.logits,
            descent.learning_rate,
            betas=(0.5, 0.999),
            weight_decay=descent.weight_decay,
        )
        mixture.train()

    @property
    def steps_per_pass(self) -> int:
        """Steps in which each row of the half for the weights is read once."""
        return max(1, len(self._parts[0]))

    def step(self, progress: float) -> Tensor:
        """Take a step of the logits and one of the weights; return the loss of the latter.

        Args:
            progress: The share of the search that is over, in [0, 1].
        """
        train, validation = next(self._train), next(self._validation)
        self._step_logits(train, validation)
        return self._step_weights(train, progress)

    def tune(self, progress: float) -> None:
        """Take a step of the weights alone."""
        self._step_weights(next(self._train), progress)

    def restart(self) -> None:
        """Begin the schedule of the weights anew."""
        self._optimizer = self._recipe.make_optimizer(self.weights)
        self._schedule, self._tick = self._recipe.make_schedule(self._optimizer, _TICKS), 0

    def validation_loss(self) -> float:
        """Return the mean loss over the half of the rows that descends the logits.

        Raises:
            NotFinite: if it is none.
        """
        with torch.no_grad():
            found = [self._loss(self.mixture, batch) for batch in self._scored]
        return _finite(torch.stack([loss for loss in found if loss is not None]).mean())

    def eigenvalue(self, generator: torch.Generator) -> float:
        """Return the dominant eigenvalue of the Hessian of the logits, on one batch."""
        batch = next(self._validation)
        return dominant_eigenvalue(
            lambda: self._exact(batch), self.mixture.logits, generator=generator, steps=_PRODUCTS
        )

    def _step_logits(self, train: Any, validation: Any) -> None:
        logits = self.mixture.logits
        if self._descent.order == 1:
            found = first_order(lambda: self._known(validation), logits)
        else:
            rate = float(self._optimizer.param_groups[0]["lr"])
            found = second_order(
                lambda: self._exact(train),
                lambda: self._exact(validation),
                self.weights,
                logits,
                rate,
            )
        if self._penalty is not None:
            of_cost = gradients(self._penalty(self.mixture.policy()), logits)
            found = [own + more.to(own) for own, more in zip(found, of_cost, strict=True)]
        for own, gradient in zip(logits, found, strict=True):
            own.grad = gradient
        self._adam.step()

    def _step_weights(self, batch: Any, progress: float) -> Tensor:
        loss = self._known(batch)
        for own, gradient in zip(self.weights, gradients(loss, self.weights), strict=True):
            own.grad = gradient
        self._optimizer.step()
        while self._tick < progress * _TICKS - 1:
            self._schedule.step()
            self._tick += 1
        return loss.detach()

    def _known(self, batch: Any) -> Tensor:
        """Return the loss of a batch in the precision of the training."""
        with in_precision(self._recipe.precision, self._device):
            return self._exact(batch)

    def _exact(self, batch: Any) -> Tensor:
        """Return the loss in full precision: of close losses, differences matter."""
        loss = self._loss(self.mixture, batch)
        if loss is None:
            raise InvalidData("expected batches of at least two rows, got one; drop the last batch")
        return loss


def _endless(batches: Batches) -> Iterator[Any]:
    while True:
        yield from batches


def _finite(loss: Tensor) -> float:
    if not loss.isfinite():
        raise NotFinite(
            f"expected a finite loss of the mixture, got {loss.item()}; lower the learning rate"
        )
    return float(loss)
