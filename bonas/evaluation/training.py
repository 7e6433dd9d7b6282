"""A short training: how well an architecture does on the validation rows after a few epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import EvaluationFailed, InvalidData, unknown
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data import DataSource, Split, Splits, load
from bonas.evaluation.objective import ACCURACY, Objective
from bonas.evaluation.runtime import (
    checked_range,
    checked_whole,
    first_pass,
    resolved_device,
    seeded,
)
from bonas.threads import limited_threads

_LEARNING_RATES = {"adamw": 0.003, "sgd": 0.1}
_WEIGHT_DECAYS = {"adamw": 0.01, "sgd": 0.0005}
_SCHEDULES = ("cosine", "one_cycle")
_SETTINGS = (
    "epochs",
    "batch_size",
    "optimizer",
    "label_smoothing",
    "schedule",
    "validation",
    "test",
    "seed",
)
_LARGE_BATCH = 512  # rows at once where no gradient is kept


@dataclass(frozen=True, eq=False)
class ShortTraining:
    """Trains a candidate's network and tells its validation accuracy in percent.

    Called with a candidate it returns ``accuracy`` (%) and ``seconds`` (wall time of the training).
    The same ``seed`` and trial number give the same training on one machine. Torch's random state
    and number of threads are set for the whole process meanwhile and put back afterwards: train
    one network at a time in a process.

    The defaults suit digits: one to two seconds on a core, far from converged, for it is then that
    good and bad cells differ most beside the luck of a seed (about one percentage point).

    Args:
        data: What ``bonas.evaluation.load`` takes: ``"digits"``, a pair of arrays, a ``Dataset``.
        epochs: Passes over the training rows.
        batch_size: Rows in a step, at least 2; a last batch of a single row is left out.
        optimizer: ``"adamw"`` or ``"sgd"`` (with Nesterov momentum 0.9).
        learning_rate: The highest of the schedule; by default 0.003 for adamw, 0.1 for sgd.
        weight_decay: By default 0.01 for adamw, 0.0005 for sgd.
        label_smoothing: Share of each label that is spread over all classes, in [0, 1).
        schedule: ``"cosine"`` (Loshchilov and Hutter, 2017, without restarts) or ``"one_cycle"``
            (Smith and Topin, 2019).
        validation: Share of the rows that judge a network.
        test: Share of the rows kept for the end of the search; no training reads them.
        device: ``"cpu"`` or ``"cuda"``; None is CUDA where there is one.
        threads: CPU threads; None leaves torch's setting.
        seed: Which split of the data and, with the trial's number, which training.

    Raises:
        InvalidArgument: if a setting is out of its range.
        InvalidData: if the data cannot be used, or a network does not fit it.
        EvaluationFailed: if a training diverges.
    """

    data: DataSource = "digits"
    _: KW_ONLY
    epochs: int = 4
    batch_size: int = 64
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float = 0.1
    schedule: Literal["cosine", "one_cycle"] = "cosine"
    validation: float = 0.2
    test: float = 0.2
    device: str | None = None
    threads: int | None = 1
    seed: int = 0

    objectives: ClassVar[tuple[Objective, ...]] = (ACCURACY,)

    def __post_init__(self) -> None:
        if self.optimizer not in _LEARNING_RATES:
            raise unknown("optimizer", self.optimizer, _LEARNING_RATES)
        if self.schedule not in _SCHEDULES:
            raise unknown("schedule", self.schedule, _SCHEDULES)
        checked_whole("epochs", self.epochs, 1)
        checked_whole("batch_size", self.batch_size, 2)
        checked_whole("seed", self.seed, 0)
        if self.threads is not None:
            checked_whole("threads", self.threads, 1)
        checked_range("learning_rate", self._rate, 0.0, 1e3)
        checked_range("weight_decay", self._decay, 0.0, 1e3)
        checked_range("label_smoothing", self.label_smoothing, 0.0, 1.0)
        resolved_device(self.device)

    @cached_property
    def splits(self) -> Splits:
        """The data in its three parts, loaded once."""
        return load(self.data, validation=self.validation, test=self.test, seed=self.seed)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input, without the batch."""
        return self.splits.input_shape

    @property
    def classes(self) -> int:
        """How many outputs a network must have."""
        return self.splits.classes

    def describe(self) -> dict[str, Any]:
        """What decides the accuracy, as JSON values under the objective's name.

        Device and threads are left out: they change the time a training takes, and its result by
        rounding only.
        """
        settings = {name: getattr(self, name) for name in _SETTINGS}
        settings |= {"learning_rate": self._rate, "weight_decay": self._decay}
        return {ACCURACY.name: {"data": self.splits.name, **settings}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """``accuracy`` (%) and ``seconds`` of one training."""
        device = resolved_device(self.device)
        weights, order = np.random.SeedSequence((self.seed, candidate.number)).spawn(2)
        shuffler = torch.Generator().manual_seed(int(order.generate_state(1)[0]))
        with limited_threads(self.threads), seeded(weights, device):
            network = candidate.build().to(device, torch.float32)
            self._check_fit(network, candidate, device)
            began = time.perf_counter()
            self._fit(network, shuffler, device)
            seconds = time.perf_counter() - began
            return {ACCURACY.name: self._accuracy(network, device), "seconds": seconds}

    @property
    def _rate(self) -> float:
        given = self.learning_rate
        return _LEARNING_RATES[self.optimizer] if given is None else given

    @property
    def _decay(self) -> float:
        given = self.weight_decay
        return _WEIGHT_DECAYS[self.optimizer] if given is None else given

    def _check_fit(self, network: nn.Module, candidate: Candidate, device: torch.device) -> None:
        """Refuses a network that cannot be trained on this data."""
        inputs, labels = next(_batches(self.splits.validation, 2, device))
        outputs = first_pass(network, inputs, candidate)
        who = f"the network of trial {candidate.number} ({dict(candidate.choices)})"
        expected = (len(labels), self.classes)
        if not isinstance(outputs, Tensor) or tuple(outputs.shape) != expected:
            got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise InvalidData(
                f"expected outputs of shape {expected} (batch x classes), got {got} from {who}; "
                f"end it with a linear layer of {self.classes} outputs"
            )
        if not outputs.is_floating_point() or not outputs.isfinite().all():
            raise InvalidData(
                f"expected finite outputs before training, got {outputs.tolist()} from {who}; "
                "scale the inputs, or normalise inside the network"
            )
        if not any(weight.requires_grad for weight in network.parameters()):
            raise InvalidData(
                f"expected weights to train, got none from {who}; "
                "let build return a network with parameters that require a gradient"
            )

    def _fit(self, network: nn.Module, shuffler: torch.Generator, device: torch.device) -> None:
        optimizer = self._optimizer(network)
        schedule = self._schedule(optimizer)
        network.train()
        for epoch in range(1, self.epochs + 1):
            total = torch.zeros((), device=device)
            for inputs, labels in _batches(self.splits.train, self.batch_size, device, shuffler):
                if len(labels) == 1:  # batch norm has no variance to divide by
                    continue
                outputs = network(inputs)
                loss = cross_entropy(outputs, labels, label_smoothing=self.label_smoothing)
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

    def _optimizer(self, network: nn.Module) -> Optimizer:
        rate, decay = self._rate, self._decay
        if self.optimizer == "adamw":
            return AdamW(network.parameters(), rate, weight_decay=decay, fused=True)
        return SGD(network.parameters(), rate, 0.9, weight_decay=decay, nesterov=True, fused=True)

    def _schedule(self, optimizer: Optimizer) -> LRScheduler:
        n = len(self.splits.train)
        steps = self.epochs * (math.ceil(n / self.batch_size) - (n % self.batch_size == 1))
        if self.schedule == "cosine":
            return CosineAnnealingLR(optimizer, steps)
        return OneCycleLR(optimizer, self._rate, total_steps=steps)

    def _accuracy(self, network: nn.Module, device: torch.device) -> float:
        """Percent of the validation rows that are classified right."""
        network.eval()
        right = 0
        with torch.inference_mode():
            for inputs, labels in _batches(self.splits.validation, _LARGE_BATCH, device):
                outputs = network(inputs)
                if not outputs.isfinite().all():
                    raise EvaluationFailed(
                        "expected finite outputs after training, got some that are not; "
                        f"lower the learning rate ({self._rate})"
                    )
                right += int((outputs.argmax(dim=1) == labels).sum())
        return 100.0 * right / len(self.splits.validation)


def _batches(
    split: Split, size: int, device: torch.device, shuffler: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Float32 inputs and labels of ``size`` rows at a time, shuffled if there is a shuffler."""
    if isinstance(split, TensorDataset):  # whole batches by index: no collecting of single rows
        inputs, labels = split.tensors
        n = len(labels)
        rows = torch.arange(n) if shuffler is None else torch.randperm(n, generator=shuffler)
        for some in torch.split(rows, size):
            yield inputs[some].to(device), labels[some].to(device)
    else:
        loader = DataLoader(split, size, shuffle=shuffler is not None, generator=shuffler)
        for x, y in loader:
            yield x.to(device, torch.float32), y.to(device, torch.int64)
