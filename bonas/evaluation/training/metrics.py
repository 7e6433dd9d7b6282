"""Metrics: score a network's predictions on the validation set.

| name | targets | better | unit |
|---|---|---|---|
| accuracy | classes, tokens, several labels | more | % of rows, places, tokens or labels, right |
| balanced_accuracy | classes | more | %, the mean over classes |
| f1 | classes, several labels | more | %, the mean over classes |
| cross_entropy | classes, tokens, several labels | less | nats per row, place, token or label |
| perplexity | classes, tokens | less | exp(cross_entropy) |
| r2 | numbers | more | the mean over columns |
| rmse, mae | numbers | less | that of the targets; the mean over columns |

Labels of places and tokens that are ``IGNORE_INDEX`` are left out. An image of numbers is one
column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from sklearn.metrics import (
    f1_score,
    mean_absolute_error,
    r2_score,
    recall_score,
    root_mean_squared_error,
)
from torch import Tensor
from torch.nn import functional

from bonas.errors import EvaluationFailed, InvalidArgument, NotFinite, unknown
from bonas.evaluation.data.targets import IGNORE_INDEX, TASKS, Task
from bonas.evaluation.objective import ACCURACY, Objective

MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1",
    "cross_entropy",
    "perplexity",
    "r2",
    "rmse",
    "mae",
]
MetricFunction = Callable[[Tensor, Tensor], float | Tensor]
"""A function of all outputs and targets of the validation rows, on the CPU."""

Kept = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is kept of each batch, and the number computed from all of it.

    Attributes:
        objective: Its name, direction and unit.
        tasks: Those for which it is defined.
        kept: Outputs and targets of a batch -> what ``score`` needs of them.
        score: All that was kept, and all targets -> the number.
        own: Whether it is a user's function, which is called with whole outputs and targets.
    """

    objective: Objective
    tasks: tuple[Task, ...]
    kept: Kept
    score: MetricFunction
    own: bool = False

    def of_batch(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is kept of a batch, and its targets: one row per row, place or token."""
        if not self.own and targets.dim() > 1 and not targets.is_floating_point():
            known = targets != IGNORE_INDEX
            outputs, targets = outputs[known], targets[known]
        elif not self.own and targets.dim() > 2:
            outputs, targets = outputs.reshape(-1, 1), targets.reshape(-1, 1)
        return self.kept(outputs, targets), targets


def _choices(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs.argmax(dim=-1)


def _losses(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), targets.flatten(), reduction="none")


def _outputs(outputs: Tensor, targets: Tensor) -> Tensor:
    return outputs


def _held(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs > 0).to(targets.dtype)


def _losses_of_labels(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(
        outputs, targets.to(outputs.dtype), reduction="none"
    )


def _accuracy(choices: Tensor, labels: Tensor) -> float:
    return 100.0 * int((choices == labels).sum()) / labels.numel()


def _balanced_accuracy(choices: Tensor, labels: Tensor) -> float:
    true, predicted = labels.numpy(), choices.numpy()
    present = np.unique(true)  # recall is undefined for a class without rows
    recall = recall_score(true, predicted, labels=present, average="macro", zero_division=0)
    return 100.0 * float(recall)


def _f1(choices: Tensor, labels: Tensor) -> float:
    return 100.0 * float(
        f1_score(labels.numpy(), choices.numpy(), average="macro", zero_division=0)
    )


def _cross_entropy(losses: Tensor, targets: Tensor) -> Tensor:
    return losses.double().mean()


def _perplexity(losses: Tensor, targets: Tensor) -> Tensor:
    return losses.double().mean().exp()


def _r2(outputs: Tensor, targets: Tensor) -> float:
    return float(r2_score(targets.numpy(), outputs.numpy()))


def _rmse(outputs: Tensor, targets: Tensor) -> float:
    return float(root_mean_squared_error(targets.numpy(), outputs.numpy()))


def _mae(outputs: Tensor, targets: Tensor) -> float:
    return float(mean_absolute_error(targets.numpy(), outputs.numpy()))


_LABELS: tuple[Task, ...] = ("classification",)
_CHOICES: tuple[Task, ...] = ("classification", "next_token")
_NUMBERS: tuple[Task, ...] = ("regression",)
_METRICS = {
    metric.objective.name: metric
    for metric in (
        Metric(ACCURACY, _CHOICES, _choices, _accuracy),
        Metric(
            Objective("balanced_accuracy", "maximize", "%"), _LABELS, _choices, _balanced_accuracy
        ),
        Metric(Objective("f1", "maximize", "%"), _LABELS, _choices, _f1),
        Metric(Objective("cross_entropy", "minimize", "nats"), _CHOICES, _losses, _cross_entropy),
        Metric(Objective("perplexity", "minimize"), _CHOICES, _losses, _perplexity),
        Metric(Objective("r2", "maximize"), _NUMBERS, _outputs, _r2),
        Metric(Objective("rmse", "minimize"), _NUMBERS, _outputs, _rmse),
        Metric(Objective("mae", "minimize"), _NUMBERS, _outputs, _mae),
    )
}
_SEVERAL: tuple[Task, ...] = ("multi_label",)
_OF_SEVERAL = {
    metric.objective.name: metric
    for metric in (
        Metric(ACCURACY, _SEVERAL, _held, _accuracy),
        Metric(Objective("f1", "maximize", "%"), _SEVERAL, _held, _f1),
        Metric(
            Objective("cross_entropy", "minimize", "nats"),
            _SEVERAL,
            _losses_of_labels,
            _cross_entropy,
        ),
    )
}
_DEFAULTS: dict[Task, str] = {
    "classification": "accuracy",
    "multi_label": "accuracy",
    "regression": "rmse",
    "next_token": "perplexity",
}


def checked_metric(metric: object, direction: object) -> Metric | None:
    """Return the metric of that name, or made of that function; None stays None.

    Raises:
        InvalidArgument: if the name is unknown, it is neither a name nor a function, or the
            direction is missing or not that of the name.
    """
    if callable(metric):
        return _own(metric, direction)
    if metric is not None and (not isinstance(metric, str) or metric not in _METRICS):
        raise unknown("metric", metric, _METRICS)
    named = None if metric is None else _METRICS[metric]
    if direction is not None and (named is None or direction != named.objective.direction):
        raise InvalidArgument(
            f"expected a direction with a metric of your own only, got {direction!r} with "
            f"{metric!r}; leave it out"
        )
    return named


def metric_for(task: Task, metric: Metric | None) -> Metric:
    """Return ``metric``, or the default of the task if it is None.

    Raises:
        InvalidArgument: if it is not defined for the task.
    """
    known = _OF_SEVERAL if task == "multi_label" else _METRICS
    if metric is None:
        return known[_DEFAULTS[task]]
    if not metric.own:
        metric = known.get(metric.objective.name, metric)
    if task not in metric.tasks:
        names = ", ".join(name for name, other in known.items() if task in other.tasks)
        raise InvalidArgument(
            f"expected a metric for the task {task!r}, got {metric.objective.name!r}; "
            f"choose one of {names}, or give the task if it is another"
        )
    return metric


def scored(metric: Metric, kept: list[Tensor], targets: list[Tensor]) -> float:
    """Return the number for what was kept of the batches, and their targets.

    Raises:
        EvaluationFailed: if it is not a finite number.
    """
    score: object = metric.score(torch.cat(kept).cpu(), torch.cat(targets).cpu())
    try:
        number = float(score)  # type: ignore[arg-type]  # whatever a user's function gave
    except (TypeError, ValueError, RuntimeError) as error:
        raise EvaluationFailed(
            f"expected a number from the metric {metric.objective.name!r}, got {score!r}; "
            "return a float"
        ) from error
    if not np.isfinite(number):
        raise NotFinite(
            f"expected a finite {metric.objective.name}, got {number}; lower the learning rate, "
            "or judge by another metric"
        )
    return number


def name_of(function: object, other: str) -> str:
    """Return the name of a function or a callable object; ``other`` for one without (a lambda)."""
    name = getattr(function, "__name__", type(function).__name__)
    return name if name.isidentifier() else other


def _own(function: MetricFunction, direction: object) -> Metric:
    if direction is None:
        raise InvalidArgument(
            f"expected a direction for the metric {function!r}, got none; "
            'give direction="maximize" or "minimize"'
        )
    name: str = name_of(function, "metric")
    objective = Objective(name, direction)  # type: ignore[arg-type]  # it checks
    return Metric(objective, TASKS, _outputs, function, own=True)
