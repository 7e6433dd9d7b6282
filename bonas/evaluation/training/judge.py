"""What judges a trained network on the validation rows: a metric, or a score of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation.data.batches import Batches, pairs
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.objective import Direction, Objective, as_objectives
from bonas.evaluation.outputs import Reader
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.training.metrics import Metric, name_of, scored

Score = Callable[[nn.Module, Batches], Any]
"""A function of a trained network and the validation batches: a name -> a number."""


@dataclass(frozen=True, eq=False, slots=True)
class Judge:
    """Measures the metric of a network.

    Attributes:
        splits: What is known of the data.
        metric: What is measured.
        feed: Gives inputs to the network.
        reader: Reads its predictions.
        precision: That of the training.
        advice: What to do if outputs are not finite.
    """

    splits: Splits
    metric: Metric
    feed: Feed
    reader: Reader
    precision: str | None
    advice: str

    def __call__(self, network: nn.Module, batches: Batches) -> dict[str, float]:
        """The metric under its name; the network is left in evaluation mode."""
        kept, truth = [], []
        network.eval()
        with torch.inference_mode(), in_precision(self.precision, batches.device):
            for inputs, targets in pairs(batches, self.splits):
                outputs = self.reader.prediction(self.feed(inputs).call(network), targets)
                if not outputs.isfinite().all():
                    raise EvaluationFailed(
                        f"expected finite outputs after training, got some that are not; "
                        f"{self.advice}"
                    )
                if self.splits.scale is not None:
                    outputs = self.splits.scale.restored(outputs)
                some, true = self.metric.of_batch(outputs, targets)
                kept.append(some)
                truth.append(true)
            return {self.metric.objective.name: scored(self.metric, kept, truth)}


def objectives_of(
    score: Score, direction: Direction | Mapping[str, Direction] | None
) -> tuple[Objective, ...]:
    """The objectives that a score of one's own measures.

    A single direction is that of a score that returns one number, which is called as the function.

    Raises:
        InvalidArgument: if it is not said which way is better.
    """
    if isinstance(direction, Mapping):
        return as_objectives(direction)
    if direction is None:
        raise InvalidArgument(
            f"expected a direction for each objective that the score {score!r} gives, got none; "
            'as in direction={"dice": "maximize"}'
        )
    return (Objective(name_of(score, "score"), direction),)


def own_score(
    score: Score,
    objectives: tuple[Objective, ...],
    network: nn.Module,
    batches: Batches,
    precision: str | None,
) -> dict[str, Any]:
    """What a score of one's own measures; the network is in evaluation mode, without gradients.

    Raises:
        EvaluationFailed: if it gives neither a mapping, nor a number for a single objective.
    """
    network.eval()
    with torch.no_grad(), in_precision(precision, batches.device):
        told: object = score(network, batches)
    if isinstance(told, Mapping):
        return dict(told)
    if len(objectives) == 1 and told is not None and not isinstance(told, (str, list, tuple)):
        return {objectives[0].name: told}
    names = [objective.name for objective in objectives]
    raise EvaluationFailed(
        f"expected the score to return a mapping from {names} to numbers, got {told!r}; "
        f'return one such as {{"{names[0]}": 1.0}}'
    )
