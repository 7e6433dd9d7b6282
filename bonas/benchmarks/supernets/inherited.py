"""What supernets say of networks: their scores, and losses after an epoch from their weights.

That epoch has the default learning rate from given weights, a tenth of that from scratch: at the
whole rate it spoils what the shared weights know (0.34 instead of 0.65 on the cells, for one
supernet).

A supernet is trained when the first of its values is asked for that the record lacks, and kept as a
checkpoint beside the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.supernets.record import Record
from bonas.benchmarks.supernets.truth import numbered
from bonas.benchmarks.tables.scale import Array
from bonas.evaluation import Candidate, ShortTraining
from bonas.spaces import Choices
from bonas.supernets.supernet import Supernet

_EPOCHS = 1  # from inherited weights


@dataclass(frozen=True)
class Training:
    """How supernets are trained.

    Attributes:
        paths: Networks that contribute to the updates.
        rule: As ``Supernet.fit`` takes it.
    """

    paths: int = 2_400
    rule: str = "auto"

    def __str__(self) -> str:
        return f"{self.rule}, {self.paths} paths"


@dataclass(frozen=True)
class Inherited:
    """What supernets of ``s`` seeds say of ``n`` networks, ``n x s`` each, more is better.

    Attributes:
        loss: Minus the validation loss.
        accuracy: In %.
        tuned: Minus the validation loss after an epoch from the shared weights.
        seconds: CPU seconds of the training of each supernet, ``s``.
    """

    loss: Array
    accuracy: Array
    tuned: Array
    seconds: Array


def inherited(
    problem: Problem,
    networks: Sequence[Choices],
    seeds: int,
    training: Training,
    record: Record,
    folder: Path,
) -> Inherited:
    """Train supernets, and ask them for all networks; what the record has is not done again."""
    found = np.empty((3, len(networks), seeds))
    seconds = np.empty(seeds)
    for seed in range(seeds):
        one = _One(problem, training, seed, folder)
        seconds[seed] = record.value(f"fit: {training}", -1, seed, one.seconds)
        for i, choices in enumerate(networks):
            for j, (name, measure) in enumerate(one.measures.items()):
                measured = partial(measure, i, choices)
                found[j, i, seed] = record.value(f"{name}: {training}", i, seed, measured)
    return Inherited(found[0], found[1], found[2], seconds)


class _One:
    """One supernet, trained when it is needed."""

    def __init__(self, problem: Problem, training: Training, seed: int, folder: Path) -> None:
        self._problem, self._training, self._seed = problem, training, seed
        name = f"{problem.name}-{training.rule}-{training.paths}-{seed}.pt"
        self._checkpoint = folder / name
        self.measures = {"loss": self._loss, "accuracy": self._accuracy, "tuned loss": self._tuned}

    def seconds(self) -> float:
        """Return the CPU seconds of its training."""
        return sum(fit.cpu_seconds for fit in self._supernet.fits)

    @cached_property
    def _supernet(self) -> Supernet:
        supernet = Supernet(self._problem.space, self._problem.training, seed=self._seed)
        rule, paths = self._training.rule, self._training.paths
        supernet.fit(paths, rule=rule, checkpoint=self._checkpoint, progress=False)
        return supernet

    def _loss(self, number: int, choices: Choices) -> float:
        return self._supernet.score(choices)

    def _accuracy(self, number: int, choices: Choices) -> float:
        (score,) = self._supernet.scores([choices], progress=False)
        return score.metrics["accuracy"]

    def _tuned(self, number: int, choices: Choices) -> float:
        candidate = Candidate(self._problem.space, choices, numbered(number))
        return -self._tuning(candidate)["cross_entropy"]

    @cached_property
    def _tuning(self) -> ShortTraining:
        return replace(
            self._problem.training,
            initial=self._supernet,
            epochs=_EPOCHS,
            metric="cross_entropy",
        )
