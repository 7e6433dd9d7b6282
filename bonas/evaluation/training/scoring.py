"""Scoring: what a trained network is worth on the validation rows, by a metric or a user's score.

A score is the number that decides, so it is taken of the trained network. For the learning curve
it may be taken between epochs, too: with the network's modes put back afterwards, and as often only
as costs little (``scored_epochs``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import EvaluationFailed, InvalidArgument, NotFinite
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.splits import Rows, Splits
from bonas.evaluation.objective import Direction, Objective, as_objectives
from bonas.evaluation.outputs import Reader
from bonas.evaluation.runtime import in_precision, seeded
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.metrics import Metric, name_of
from bonas.evaluation.training.row_scores import RowScores

Score = Callable[[nn.Module, Batches], Any]
"""A function of a trained network and the validation batches: a name -> a number."""

_COST = 0.05  # share of a training that the scores of its curve may take, about
_FORWARD = 1 / 3  # of the work on a training row is the forward pass; the backward pass takes two


@dataclass(frozen=True, eq=False, slots=True)
class Scorer:
    """Measures the metric of a network.

    Attributes:
        splits: What is known of the data.
        metric: What is measured.
        feed: Gives inputs to the network.
        reader: Reads its predictions.
        precision: That of the training.
        advice: What to do if outputs are not finite, for the error.
    """

    splits: Splits
    metric: Metric
    feed: Feed
    reader: Reader
    precision: str | None
    advice: str

    def __call__(self, network: nn.Module, batches: Batches) -> dict[str, float]:
        """Return the metric under its name; the network is left in evaluation mode.

        Raises:
            EvaluationFailed: if outputs or the metric are not finite.
        """
        rows = self.rows(network, batches)
        with torch.no_grad(), in_precision(self.precision, batches.device):
            return {self.metric.objective.name: rows.score()}

    def rows(self, network: nn.Module, batches: Batches) -> RowScores:
        """Return what decides the metric, row by row; the network is left in evaluation mode.

        Raises:
            EvaluationFailed: if outputs are not finite.
        """
        kept, truth = [], []
        network.eval()
        with torch.no_grad(), in_precision(self.precision, batches.device):
            for inputs, targets in pairs(batches, self.splits):
                outputs = self.reader.prediction(self.feed(inputs).call(network), targets)
                if not outputs.isfinite().all():
                    raise NotFinite(
                        f"expected finite outputs after training, got some that are not; "
                        f"{self.advice}"
                    )
                if self.splits.scale is not None:
                    outputs = self.splits.scale.restore(outputs)
                some, true = self.metric.of_batch(outputs, targets)
                kept.append(some)
                truth.append(true)
        return RowScores(self.metric, torch.cat(kept).cpu(), torch.cat(truth).cpu())


@dataclass(frozen=True, eq=False, slots=True)
class OwnScorer:
    """Measures a score of the user's own.

    Attributes:
        score: The function.
        objectives: What it measures.
        precision: That of the training.
    """

    score: Score
    objectives: tuple[Objective, ...]
    precision: str | None

    def __call__(self, network: nn.Module, batches: Batches) -> dict[str, Any]:
        """Return what the score measures; the network is in evaluation mode, without gradients.

        Raises:
            EvaluationFailed: if it is neither a mapping, nor a number for a single objective.
        """
        network.eval()
        with torch.no_grad(), in_precision(self.precision, batches.device):
            returned: object = self.score(network, batches)
        if isinstance(returned, Mapping):
            return dict(returned)
        single = len(self.objectives) == 1 and returned is not None
        if single and not isinstance(returned, (str, list, tuple)):
            return {self.objectives[0].name: returned}
        names = [objective.name for objective in self.objectives]
        raise EvaluationFailed(
            f"expected the score to return a mapping from {names} to numbers, got {returned!r}; "
            f'return one such as {{"{names[0]}": 1.0}}'
        )


def objectives_of(
    score: Score, direction: Direction | Mapping[str, Direction] | None
) -> tuple[Objective, ...]:
    """Return the objectives that a user's score measures.

    A single direction belongs to a score that returns one number, named after the function.

    Raises:
        InvalidArgument: if a direction is missing or unknown.
    """
    if isinstance(direction, Mapping):
        return as_objectives(direction)
    if direction is None:
        raise InvalidArgument(
            f"expected a direction for each objective that the score {score!r} gives, got none; "
            'as in direction={"dice": "maximize"}'
        )
    return (Objective(name_of(score, "score"), direction),)


def scored_epochs(epochs: int, every: int) -> range:
    """Return the epochs before the last one after which a network is scored: none if 0.

    The last one is scored in any case, and counted back from.

    >>> list(scored_epochs(10, 3)), list(scored_epochs(4, 1)), list(scored_epochs(4, 0))
    ([1, 4, 7], [1, 2, 3], [])
    """
    first = epochs - every * ((epochs - 1) // every) if every else epochs
    return range(first, epochs, max(every, 1))


def epochs_at(rungs: Sequence[float], epochs: int) -> set[int]:
    """Return the epochs before the last one that reach rungs: shares of the training, or epochs.

    >>> sorted(epochs_at((0.1, 0.25), 20)), sorted(epochs_at((0.1, 0.5), 3)), epochs_at((5,), 4)
    ([2, 5], [1, 2], set())
    """
    reached = (math.ceil(rung * epochs - 1e-9) if rung < 1 else int(rung) for rung in rungs)
    return {epoch for epoch in reached if epoch < epochs}


def affordable_interval(train: Batches, validation: Batches) -> int:
    """Return the smallest number of epochs between two scores that keeps their cost at about 5 %.

    Rows in memory cost the forward pass; of others, reading is taken to cost the most. 0 if the
    validation rows are not counted.
    """
    in_memory = isinstance(train.part, (TensorDataset, Rows))
    try:
        share = _rows(validation) / _rows(train) * (_FORWARD if in_memory else 1.0)
    except TypeError:  # the length of a loader of a stream
        return 0
    return max(1, math.ceil(share / _COST))


@contextmanager
def between_epochs(network: nn.Module, batches: Batches) -> Iterator[None]:
    """Run the block and put back what scoring changes: modes and generators.

    Nothing that comes after the block can depend on whether it was run.
    """
    modes = [(module, module.training) for module in network.modules()]
    part = batches.part
    generator = part.generator if isinstance(part, DataLoader) else None
    state = None if generator is None else generator.get_state()
    try:
        with seeded(np.random.SeedSequence(0), batches.device):
            yield
    finally:
        if generator is not None and state is not None:
            generator.set_state(state)
        for module, training in modes:
            module.training = training


def score_between(
    scorer: Scorer | OwnScorer, network: nn.Module, validation: Batches
) -> dict[str, Any]:
    """Return the scores for a learning curve; empty where a network has none yet."""
    with between_epochs(network, validation), suppress(EvaluationFailed):
        return scorer(network, validation)
    return {}


def _rows(batches: Batches) -> int:
    """Return how many rows a part has; of listed batches, how many there are of those."""
    part = batches.part
    return len(part) * (part.batch_size or 1) if isinstance(part, DataLoader) else len(part)
