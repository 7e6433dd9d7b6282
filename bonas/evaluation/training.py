"""A short training: how well an architecture does on the validation rows after a few epochs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR

from bonas.errors import EvaluationFailed, InvalidArgument, InvalidData, unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import batches, steps_of_epoch
from bonas.evaluation.data.load import DataSource, Folder, load
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.data.targets import Task, checked_task
from bonas.evaluation.fit import check_fit
from bonas.evaluation.loss import Loss
from bonas.evaluation.metrics import (
    Metric,
    MetricFunction,
    MetricName,
    checked_metric,
    metric_for,
    scored,
)
from bonas.evaluation.objective import Direction, Objective
from bonas.evaluation.runtime import (
    checked_range,
    checked_whole,
    resolved_device,
    seeded,
)
from bonas.settings import own_settings
from bonas.threads import limited_threads

_LEARNING_RATES = {"adamw": 0.003, "sgd": 0.1}
_WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 0.0005}
_SCHEDULES = ("cosine", "one_cycle")
_SETTINGS = (
    "epochs",
    "batch_size",
    "optimizer",
    "schedule",
    "validation",
    "test",
    "seed",
)
_LARGE_BATCH = 512  # rows at once where no gradient is kept


@dataclass(frozen=True, eq=False)
class ShortTraining:
    """Trains a candidate's network and tells how well it does on the validation rows.

    Called with a candidate it returns the metric under its name (by default ``accuracy`` in % for
    classes, ``rmse`` for numbers, ``perplexity`` for tokens) and ``seconds`` (wall time of the
    training). The same ``seed`` and trial number give the same training on one machine. Torch's
    random state and number of threads are set for the whole process meanwhile and put back
    afterwards: train one network at a time in a process.

    The defaults suit digits: one to two seconds on a core, far from converged, for it is then that
    good and bad cells differ most beside the luck of a seed (about one percentage point).

    A network's outputs are ``batch x classes`` for labels, ``batch x columns`` for a regression
    (trained on standardised targets; the metric is in their own units), and
    ``batch x length x vocabulary`` for next tokens.

    Args:
        data: What ``bonas.evaluation.load`` takes: a name such as ``"digits"``, a pair of arrays,
            a ``Dataset``, two ``DataLoader``.
        task: ``"classification"``, ``"regression"`` or ``"next_token"``; None asks the data.
        metric: What is to be optimised: ``"accuracy"``, ``"balanced_accuracy"``, ``"f1"`` (%),
            ``"cross_entropy"``, ``"perplexity"``, ``"r2"``, ``"rmse"``, ``"mae"``, or a function of
            all validation outputs and targets that returns a number (its name is the metric's).
        direction: ``"maximize"`` or ``"minimize"``, for a function as metric.
        epochs: Passes over the training rows.
        batch_size: Rows in a step, at least 2; a last batch of a single row is left out.
        optimizer: ``"adamw"`` or ``"sgd"`` (with Nesterov momentum 0.9).
        learning_rate: The highest of the schedule; by default 0.003 for adamw, 0.1 for sgd.
        weight_decay: By default 0.01 for adamw, 0.0005 for sgd.
        label_smoothing: Share of each label that is spread over all classes, in [0, 1); by default
            0.1 for labels and 0 for tokens. A regression has none.
        class_weights: ``"balanced"`` weighs a label in the loss by the inverse of its share of the
            training rows; None weighs all rows alike.
        augment: A function of a batch of training inputs, on the device, that returns another of
            the same shape and type. What it draws from torch's generators is seeded with the
            training, so it should draw from nothing else.
        schedule: ``"cosine"`` (Loshchilov and Hutter, 2017, without restarts) or ``"one_cycle"``
            (Smith and Topin, 2019).
        validation: Share of the rows that judge a network.
        test: Share of the rows kept for the end of the search; no training reads them.
        folder: Where the files of ``"fashion-mnist"`` are.
        device: ``"cpu"`` or ``"cuda"``; None is CUDA where there is one.
        threads: CPU threads; None leaves torch's setting.
        seed: Which split of the data and, with the trial's number, which training.

    Raises:
        InvalidArgument: if a setting is out of its range or does not suit the data's task.
        InvalidData: if the data cannot be used, or a network does not fit it.
        MissingData: if the files of a named data set are not there.
        EvaluationFailed: if a training diverges.
    """

    data: DataSource = "digits"
    _: KW_ONLY
    task: Task | None = None
    metric: MetricName | MetricFunction | None = None
    direction: Direction | None = None
    epochs: int = 4
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    class_weights: Literal["balanced"] | None = None
    augment: Callable[[Tensor], Tensor] | None = None
    schedule: Literal["cosine", "one_cycle"] = "cosine"
    validation: float = 0.2
    test: float = 0.2
    folder: Folder | None = None
    device: str | None = None
    threads: int | None = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in _LEARNING_RATES:
            raise unknown("optimizer", self.optimizer, _LEARNING_RATES)
        if self.schedule not in _SCHEDULES:
            raise unknown("schedule", self.schedule, _SCHEDULES)
        if self.class_weights not in (None, "balanced"):
            raise unknown("class_weights", self.class_weights, ("balanced",))
        checked_task(self.task)
        checked_metric(self.metric, self.direction)
        checked_whole("epochs", self.epochs, 1)
        checked_whole("batch_size", self.batch_size, 2)
        checked_whole("seed", self.seed, 0)
        if self.threads is not None:
            checked_whole("threads", self.threads, 1)
        checked_range("learning_rate", self._rate, 0.0, 1e3)
        checked_range("weight_decay", self._decay, 0.0, 1e3)
        if self.label_smoothing is not None:
            checked_range("label_smoothing", self.label_smoothing, 0.0, 1.0)
        if self.augment is not None and not callable(self.augment):
            raise InvalidArgument(
                f"augment must be a function of a batch of inputs, got {self.augment!r}"
            )
        resolved_device(self.device)

    @cached_property
    def splits(self) -> Splits:
        """The data in its three parts, loaded once."""
        return load(
            self.data,
            task=self.task,
            validation=self.validation,
            test=self.test,
            seed=self.seed,
            folder=self.folder,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch."""
        return self.splits.input_shape

    @property
    def classes(self) -> int:
        """How many outputs a network must have, for labels or tokens; 0 for a regression."""
        return self.splits.classes

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The metric, as the one objective."""
        return (self._metric.objective,)

    def describe(self) -> dict[str, Any]:
        """What decides the metric, as JSON values under the objective's name.

        Device and threads are left out: they change the time a training takes, and its result by
        rounding only. Settings of later versions are there only where they are not the default.
        """
        settings = {name: getattr(self, name) for name in _SETTINGS}
        settings |= {"learning_rate": self._rate, "weight_decay": self._decay}
        settings["label_smoothing"] = self._loss.smoothing
        if self.splits.task != "classification":
            settings["task"] = self.splits.task
        if self.class_weights is not None:
            settings["class_weights"] = self.class_weights
        for name, value in (("metric", self.metric), ("augment", self.augment)):
            if callable(value):
                settings[name] = _named(value)
        return {self._metric.objective.name: {"data": self.splits.name, **settings}}

    @own_settings()
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """The metric and ``seconds`` of one training."""
        device = resolved_device(self.device)
        weights, order = np.random.SeedSequence((self.seed, candidate.number)).spawn(2)
        shuffler = torch.Generator().manual_seed(int(order.generate_state(1)[0]))
        metric = self._metric
        with limited_threads(self.threads), seeded(weights, device):
            network = candidate.build().to(device, torch.float32)
            check_fit(network, self.splits, candidate, device)
            began = time.perf_counter()
            self._fit(network, shuffler, device)
            seconds = time.perf_counter() - began
            return {metric.objective.name: self._score(network, device), "seconds": seconds}

    @property
    def _rate(self) -> float:
        given = self.learning_rate
        return _LEARNING_RATES[self.optimizer] if given is None else given

    @property
    def _decay(self) -> float:
        given = self.weight_decay
        return _WEIGHT_DECAYS[self.optimizer] if given is None else given

    @cached_property
    def _metric(self) -> Metric:
        given = checked_metric(self.metric, self.direction)
        return metric_for(self.splits.task, given)

    @cached_property
    def _loss(self) -> Loss:
        return Loss.of(self.splits, self.label_smoothing, balanced=self.class_weights is not None)

    def _fit(self, network: nn.Module, shuffler: torch.Generator, device: torch.device) -> None:
        optimizer = self._optimizer(network)
        schedule = self._schedule(optimizer)
        train, loss_of = self.splits.train, self._loss
        network.train()
        for epoch in range(1, self.epochs + 1):
            total = torch.zeros((), device=device)
            for inputs, targets in batches(self.splits, train, self.batch_size, device, shuffler):
                if len(targets) == 1:  # batch norm has no variance to divide by
                    continue
                outputs = network(self._augmented(inputs))
                loss = loss_of(outputs, targets)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
                optimizer.step()
                schedule.step()
                total += loss.detach()
            if not total.isfinite():  # looked at once an epoch: each look waits for the device
                raise EvaluationFailed(
                    f"expected a finite loss, got {total.item()} in epoch {epoch}; "
                    f"lower the learning rate ({self._rate}) or normalise inside the network"
                )

    def _augmented(self, inputs: Tensor) -> Tensor:
        if self.augment is None:
            return inputs
        with torch.no_grad():
            changed: object = self.augment(inputs)
        if not isinstance(changed, Tensor) or changed.shape != inputs.shape:
            got = tuple(changed.shape) if isinstance(changed, Tensor) else type(changed).__name__
            raise InvalidData(
                f"expected inputs of shape {tuple(inputs.shape)} back from augment, got {got}; "
                "let it change the values only"
            )
        return changed.to(inputs.device, inputs.dtype)

    def _optimizer(self, network: nn.Module) -> Optimizer:
        rate, decay = self._rate, self._decay
        if self.optimizer == "adamw":
            return AdamW(network.parameters(), rate, weight_decay=decay, fused=True)
        return SGD(network.parameters(), rate, 0.9, weight_decay=decay, nesterov=True, fused=True)

    def _schedule(self, optimizer: Optimizer) -> LRScheduler:
        steps = self.epochs * steps_of_epoch(self.splits.train, self.batch_size)
        if self.schedule == "cosine":
            return CosineAnnealingLR(optimizer, steps)
        return OneCycleLR(optimizer, self._rate, total_steps=steps)

    def _score(self, network: nn.Module, device: torch.device) -> float:
        """The metric of the validation rows."""
        splits, metric = self.splits, self._metric
        rows = self.batch_size if splits.task == "next_token" else _LARGE_BATCH
        kept, truth = [], []
        network.eval()
        with torch.inference_mode():
            for inputs, targets in batches(splits, splits.validation, rows, device):
                outputs = network(inputs)
                if not outputs.isfinite().all():
                    raise EvaluationFailed(
                        "expected finite outputs after training, got some that are not; "
                        f"lower the learning rate ({self._rate})"
                    )
                if splits.scale is not None:
                    outputs = splits.scale.restored(outputs)
                kept.append(metric.kept(outputs, targets))
                truth.append(targets)
            return scored(metric, kept, truth)


def _named(function: object) -> str:
    """What tells a function, or an object to call, from others: its text without the address."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(function))
