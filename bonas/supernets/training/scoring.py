"""Scoring: how well a network does with the shared weights, without any training of its own.

The score is minus the mean loss on the validation rows, as the training defines the loss: it ranks
networks better than the accuracy does, which is coarse on few rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import EvaluationFailed
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.targets import IGNORE_INDEX
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.loss import Loss
from bonas.evaluation.training.procedure import Run
from bonas.evaluation.training.recalibration import recalibrate
from bonas.evaluation.training.row_scores import RowScores
from bonas.evaluation.training.scoring import Scorer
from bonas.evaluation.training.supervised import Supervised
from bonas.evaluation.training.trainer import Step as LossOfBatch
from bonas.spaces import Choices

BATCHES = 6
"""How many training batches recalibrate a network before it is scored."""

Mean = tuple[Tensor, float]
"""A mean loss, and the weight of what it is the mean of."""


@dataclass(frozen=True, slots=True)
class InheritedScore:
    """What a network is worth with the shared weights.

    Attributes:
        choices: Of the network.
        value: Minus its mean validation loss, so more is better; NaN if that is not finite.
        metrics: The training's metric under its name, such as ``accuracy`` in %: for information,
            since it ranks networks worse. Empty with a loss or a score of the user's own that
            leaves it undefined.
    """

    choices: Choices
    value: float
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Scoring:
    """Scores networks on the same rows, after the same recalibration.

    Attributes:
        run: Of the training: rows, loss and metric.
        batches: Training batches that recalibrate batch norms.
        loss: Of a batch, without augmentation.
    """

    run: Run
    batches: tuple[Any, ...]
    loss: LossOfBatch

    @classmethod
    def of(cls, run: Run, shuffler_seed: int) -> Scoring:
        """Return the scoring of a training; its first shuffled batches recalibrate."""
        train = run.trainer.batches
        shuffler = torch.Generator().manual_seed(shuffler_seed)
        shuffled = Batches(train.part, train.size, train.device, shuffler)
        return cls(run, tuple(islice(shuffled, BATCHES)), plain_loss(run.trainer.step))

    def recalibrate(self, network: nn.Module) -> None:
        """Take the statistics of a network's batch norms; it is left in evaluation mode."""
        with in_precision(self.run.trainer.recipe.precision, self.run.validation.device):
            recalibrate(network, [partial(self._call, network, batch) for batch in self.batches])
        network.eval()

    def score(self, network: nn.Module, choices: Choices) -> InheritedScore:
        """Return the score of a network, whose batch norms are recalibrated first."""
        self.recalibrate(network)
        with (
            torch.no_grad(),
            in_precision(self.run.trainer.recipe.precision, self.run.validation.device),
        ):
            means, metrics = self._measured(network)
        total = sum(weight for _, weight in means)
        loss = sum(float(mean) * weight for mean, weight in means) / total if total else math.nan
        if not math.isfinite(loss):
            return InheritedScore(choices, math.nan)
        return InheritedScore(choices, -loss, metrics)

    def _call(self, network: nn.Module, batch: Any) -> object:
        """Run a network on the inputs of a batch; with a step of the user's own, run that."""
        if isinstance(self.loss, Supervised):
            rows = self.loss.rows(batch)
            return None if rows is None else self.loss.feed(rows[0]).call(network)
        with torch.enable_grad():
            return self.loss(network, batch)

    def _measured(self, network: nn.Module) -> tuple[list[Mean], Mapping[str, float]]:
        loss = self.loss
        if isinstance(loss, Supervised) and loss.reader is not None:
            return self._read(network, loss)
        return list(self._unread(network)), {}

    def _read(self, network: nn.Module, loss: Supervised) -> tuple[list[Mean], Mapping[str, float]]:
        """Return the loss of each batch, and the metric of all, from the same outputs."""
        assert loss.reader is not None
        means, kept = [], []
        scorer = self.run.scorer
        for inputs, targets in pairs(self.run.validation, loss.splits):
            returned = loss.feed(inputs).call(network)
            if isinstance(loss.loss, Loss):
                outputs = loss.reader.prediction(returned, targets)
                means.append((loss.loss(outputs, targets), _weight(loss.loss, targets)))
            else:
                means.append((loss.loss_of(returned, targets), float(len(targets))))
            if isinstance(scorer, Scorer):
                outputs = scorer.reader.prediction(returned, targets)
                scale = scorer.splits.scale
                outputs = outputs if scale is None else scale.restore(outputs)
                kept.append(scorer.metric.of_batch(outputs, targets))
        return means, _metrics(scorer, kept) if isinstance(scorer, Scorer) else {}

    def _unread(self, network: nn.Module) -> Iterator[Mean]:
        """Yield the loss of each batch of data that only the user's functions read."""
        for batch in self.run.validation:
            with torch.enable_grad():  # which a step may need
                loss = self.loss(network, batch)
            if loss is not None:
                yield loss.detach(), _rows(batch)


def plain_loss(step: LossOfBatch) -> LossOfBatch:
    """Return the loss of a batch without augmentation, and without a metric on the way."""
    return replace(step, augment=None, running=None) if isinstance(step, Supervised) else step


def _weight(loss: Loss, targets: Tensor) -> float:
    """Return what a batch's mean loss is divided by: rows, tokens that count, or their weights."""
    if loss.task in ("regression", "multi_label"):
        return float(len(targets))
    labels = targets[targets != IGNORE_INDEX]
    if not loss.weights:
        return float(labels.numel())
    weights = torch.tensor(loss.weights, device=labels.device)
    return float(weights[labels].sum())


def _metrics(scorer: Scorer, kept: list[tuple[Tensor, Tensor]]) -> Mapping[str, float]:
    with suppress(EvaluationFailed, ValueError):
        outputs, targets = (torch.cat(parts).cpu() for parts in zip(*kept, strict=True))
        rows = RowScores(scorer.metric, outputs, targets)
        return {scorer.metric.objective.name: rows.score()}
    return {}


def _rows(batch: Any) -> float:
    """Return how many rows a batch of any kind has; 1 if that is unknown."""
    first = next(iter(batch.values() if isinstance(batch, Mapping) else batch), None)
    return float(len(first)) if isinstance(first, Tensor) and first.dim() else 1.0
