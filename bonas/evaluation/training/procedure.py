"""Procedure: how networks are trained and scored, with all defaults of a training resolved."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.splits import Part, Splits
from bonas.evaluation.measurement import Measurement, good_values
from bonas.evaluation.objective import Objective
from bonas.evaluation.outputs import Reader
from bonas.evaluation.training.compatibility import check_fit, check_weights
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.loss import Loss
from bonas.evaluation.training.metrics import Metric
from bonas.evaluation.training.recipe import Recipe
from bonas.evaluation.training.running_metric import RunningMetric
from bonas.evaluation.training.scoring import (
    OwnScorer,
    Score,
    Scorer,
    affordable_interval,
    epochs_at,
    score_between,
    scored_epochs,
)
from bonas.evaluation.training.supervised import Augment, LossFunction, Supervised
from bonas.evaluation.training.trainer import Epoch, Step, Trainer

TRAIN_LOSS = "train_loss"
"""The name of the curve of the training's mean loss per epoch."""
_LARGE_BATCH = 512  # rows at once where no gradient is kept


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Procedure:
    """Prepares networks for a training on given rows.

    Attributes:
        splits: The data.
        recipe: Epochs, optimizer, schedule and precision.
        batch_size: Rows per step.
        loss: bonas's own, or the user's; None with a step.
        step: The user's own.
        augment: Changes the inputs of a training batch.
        metric: What is measured; None with a score.
        score: The user's own.
        objectives: What is optimised.
        validate_every: Epochs between two scores; None takes as many as cost little.
    """

    splits: Splits
    recipe: Recipe
    batch_size: int
    loss: Loss | LossFunction | nn.Module | None
    step: Step | None
    augment: Augment | None
    metric: Metric | None
    score: Score | None
    objectives: tuple[Objective, ...]
    validate_every: int | None

    def prepare(
        self,
        network: nn.Module,
        candidate: Candidate,
        device: torch.device,
        shuffler: torch.Generator,
    ) -> Run:
        """Check that a network fits the data; return its training, which has not begun.

        Raises:
            InvalidData: if it does not fit.
        """
        feed, reader = self._interface(network, candidate, device)
        running = self._running_metric()
        train = Batches(self.splits.train, self.batch_size, device, shuffler)
        trainer = self._trainer(train, feed, reader, running)
        validation = self.batches(self.splits.validation, device)
        return Run(
            network=network,
            feed=feed,
            trainer=trainer,
            scorer=self._scorer(feed, reader),
            running=running,
            validation=validation,
            interval=self._interval(train, validation),
        )

    def scorer(
        self, network: nn.Module, candidate: Candidate, device: torch.device
    ) -> Scorer | OwnScorer:
        """Return what scores a trained network, which is on the device.

        Raises:
            InvalidData: if it does not fit the data.
        """
        return self._scorer(*self._interface(network, candidate, device))

    def batches(self, part: Part, device: torch.device) -> Batches:
        """Return batches of rows to be scored, in their order."""
        rows = self.batch_size if self.splits.task in ("next_token", None) else _LARGE_BATCH
        return Batches(part, rows, device)

    def work(self, device: torch.device) -> tuple[int, int]:
        """Return the steps of a training, and the passes over all validation rows."""
        train = Batches(self.splits.train, self.batch_size, device, torch.Generator())
        interval = self._interval(train, self.batches(self.splits.validation, device))
        scores = 1 + len(scored_epochs(self.recipe.epochs, interval))
        return self.recipe.epochs * len(train), scores

    def _interface(
        self, network: nn.Module, candidate: Candidate, device: torch.device
    ) -> tuple[Feed, Reader | None]:
        """Return what passes inputs and reads predictions; no reader for unread data."""
        feed = Feed.of(candidate.space, network)
        if self._unread:
            check_weights(network, f"the network of trial {candidate.number}")
            return feed, None
        batches = Batches(self.splits.validation, 2, device)
        first = next(iter(pairs(batches, self.splits)))
        return feed, check_fit(network, self.splits, candidate, first, feed)

    @property
    def _unread(self) -> bool:
        """Whether only the user's own functions read targets."""
        return self.score is not None and not self._has_usual_loss

    @property
    def _has_usual_loss(self) -> bool:
        return isinstance(self.loss, Loss)

    def _running_metric(self) -> RunningMetric | None:
        """Return what scores the training rows; None with functions of the user's own."""
        if self.metric is None or not self._has_usual_loss or self.metric.own:
            return None
        return RunningMetric(self.metric, self.splits.scale)

    def _trainer(
        self, train: Batches, feed: Feed, reader: Reader | None, running: RunningMetric | None
    ) -> Trainer:
        """Return what trains a network, with a copy of a loss that has weights."""
        loss = self.loss
        others = nn.Module()
        if isinstance(loss, nn.Module):
            loss = others = deepcopy(loss).to(train.device)
        step = self.step
        if step is None:
            assert loss is not None  # one of them is given
            step = Supervised(self.splits, feed, loss, reader, self.augment, running)
        return Trainer(self.recipe, train, step, others)

    def _interval(self, train: Batches, validation: Batches) -> int:
        """Return the number of epochs between two scores; 0 for a single one at the end."""
        if self.validate_every is not None:
            return self.validate_every
        own = self.metric is None or self.metric.own
        return 0 if own else affordable_interval(train, validation)

    def _scorer(self, feed: Feed, reader: Reader | None) -> Scorer | OwnScorer:
        if self.score is not None:
            return OwnScorer(self.score, self.objectives, self.recipe.precision)
        assert reader is not None  # without a score both are known
        assert self.metric is not None
        splits = self.splits if self._has_usual_loss else replace(self.splits, scale=None)
        advice = f"lower the learning rate ({self.recipe.learning_rate})"
        return Scorer(splits, self.metric, feed, reader, self.recipe.precision, advice)


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A trained network.

    Attributes:
        network: In evaluation mode, on the device of the training.
        curves: A name such as ``"train_loss"`` -> a value per epoch, of the training rows.
        seconds: Wall time of the training.
    """

    network: nn.Module
    curves: Mapping[str, Sequence[float]]
    seconds: float


@dataclass(eq=False, slots=True, kw_only=True)
class Run:
    """The training of one network; ``values`` and ``seconds`` grow with it.

    Attributes:
        network: On the device.
        feed: Passes inputs to it.
        trainer: Trains it.
        scorer: Scores it.
        running: Scores the training rows from the passes that train.
        validation: Batches on which it is scored.
        interval: Epochs between two scores; 0 for a single one at the end.
        values: What the trained network scored; empty before.
        seconds: Wall time of the training so far, without the scores.
    """

    network: nn.Module
    feed: Feed
    trainer: Trainer
    scorer: Scorer | OwnScorer
    running: RunningMetric | None
    validation: Batches
    interval: int
    values: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def measurements(self, rungs: Sequence[float]) -> Generator[Measurement, None, None]:
        """Train and score the network; yield a point of the learning curves per epoch."""
        last = self.trainer.recipe.epochs
        scored = {*scored_epochs(last, self.interval), *epochs_at(rungs, last)}
        for epoch in self.trainer.epochs(self.network):
            values: dict[str, Any] = {}
            if epoch.number == last:
                values = self.values = self.scorer(self.network, self.validation)
            elif epoch.number in scored:
                values = score_between(self.scorer, self.network, self.validation)
            self.seconds = epoch.seconds
            curve = {**self.point(epoch), **good_values(values)}
            yield Measurement(curve, epoch.number, fidelity=epoch.number / last)

    def trained(self) -> Trained:
        """Train the network, without any score; it is left in evaluation mode."""
        points = []
        for epoch in self.trainer.epochs(self.network):
            points.append(self.point(epoch))
            self.seconds = epoch.seconds
        names = dict.fromkeys(name for point in points for name in point)
        curves = {name: tuple(p.get(name, math.nan) for p in points) for name in names}
        return Trained(self.network.eval(), curves, self.seconds)

    def point(self, epoch: Epoch) -> dict[str, float]:
        """Return what the passes of an epoch say of the training rows: loss and metric."""
        curve = {} if epoch.loss is None else {TRAIN_LOSS: epoch.loss}
        return curve if self.running is None else {**curve, **self.running.take()}
