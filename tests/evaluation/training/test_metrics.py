"""Facts about the metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor

from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import ACCURACY, Objective
from bonas.evaluation.training.metrics import Metric, checked_metric, metric_for, scored

RIGHT_OF_3 = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 5.0]])  # says 0, 1, 1
LABELS = torch.tensor([0, 1, 0])


def metric(name: Any, direction: Any = None) -> Metric:
    found = checked_metric(name, direction)
    assert found is not None
    return found


def value(name: Any, outputs: Tensor, targets: Tensor, pieces: int = 1, way: Any = None) -> float:
    """Return the metric of outputs that come in so many batches."""
    chosen, kept, truth = metric(name, way), [], []
    for some, true in zip(outputs.chunk(pieces), targets.chunk(pieces), strict=True):
        kept.append(chosen.kept(some, true))
        truth.append(true)
    return scored(chosen, kept, truth)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 100 * 2 / 3),
        ("balanced_accuracy", 100 * (1 / 2 + 1) / 2),  # recall of class 0 and of class 1
        ("f1", 100 * (2 / 3 + 2 / 3) / 2),  # precision and recall 1, 1/2; then 1/2, 1
    ],
)
def test_classes_by_hand(name: str, expected: float) -> None:
    assert value(name, RIGHT_OF_3, LABELS) == pytest.approx(expected)


def test_guessing_one_of_k_has_perplexity_k() -> None:
    outputs, targets = torch.zeros(4, 5, 7), torch.arange(20).reshape(4, 5) % 7
    assert value("perplexity", outputs, targets) == pytest.approx(7)
    assert value("cross_entropy", outputs, targets) == pytest.approx(math.log(7))
    assert value("accuracy", outputs, targets) == 100 * 3 / 20  # the first of equals is 0


@pytest.mark.parametrize(
    ("name", "expected"),
    # errors 0, 0, 3 and 1, -1, 0 of the columns 0, 0, 6 (variance 8) and 1, 2, 3 (variance 2/3)
    [
        ("rmse", (math.sqrt(3) + math.sqrt(2 / 3)) / 2),
        ("mae", (1 + 2 / 3) / 2),
        ("r2", (1 - 3 / 8 + 1 - 1) / 2),
    ],
)
def test_numbers_by_hand(name: str, expected: float) -> None:
    targets = torch.tensor([[0.0, 1.0], [0.0, 2.0], [6.0, 3.0]], dtype=torch.float64)
    outputs = targets + torch.tensor([[0.0, 1.0], [0.0, -1.0], [3.0, 0.0]])
    assert value(name, outputs, targets) == pytest.approx(expected)


@given(seed=st.integers(0, 2**31), n=st.integers(2, 30), classes=st.integers(2, 5))
def test_metrics_of_classes_agree_with_scikit_learn(seed: int, n: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.resize(np.arange(classes), n + classes)  # each class is there
    logits = rng.normal(size=(len(labels), classes))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    said = logits.argmax(1)
    expected = {
        "accuracy": 100 * sk.accuracy_score(labels, said),
        "balanced_accuracy": 100 * sk.balanced_accuracy_score(labels, said),
        "f1": 100 * sk.f1_score(labels, said, average="macro", zero_division=0),
        "cross_entropy": sk.log_loss(labels, shares),
    }
    outputs, targets = torch.from_numpy(logits), torch.from_numpy(labels)
    found = {name: value(name, outputs, targets, pieces=2) for name in expected}
    assert found == pytest.approx(expected)
    assert value("perplexity", outputs, targets) == pytest.approx(math.exp(found["cross_entropy"]))


@given(seed=st.integers(0, 2**31), n=st.integers(2, 20), columns=st.integers(1, 3))
def test_metrics_do_not_depend_on_the_batches(seed: int, n: int, columns: int) -> None:
    torch_rng = torch.Generator().manual_seed(seed)
    outputs, targets = (
        torch.randn(n, columns, generator=torch_rng, dtype=torch.float64) for _ in range(2)
    )
    for name in ("r2", "rmse", "mae"):
        assert value(name, outputs, targets, 2) == pytest.approx(value(name, outputs, targets))


def test_a_class_without_rows_does_not_count_for_balanced_accuracy() -> None:
    outputs = torch.eye(3)[[0, 1, 2]]
    assert value("balanced_accuracy", outputs, torch.tensor([0, 1, 1])) == 75.0


def test_each_task_has_its_usual_metric() -> None:
    usual = {task: metric_for(task, None).objective for task in ("classification", "regression")}  # type: ignore[arg-type]
    assert usual["classification"] == ACCURACY
    assert usual["regression"] == Objective("rmse", "minimize")
    assert metric_for("next_token", None).objective == Objective("perplexity", "minimize")


def test_a_function_is_a_metric() -> None:
    def worst(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs().max()

    assert metric(worst, "minimize").objective == Objective("worst", "minimize")
    assert metric(lambda o, t: 1.0, "maximize").objective.name == "metric"
    outputs, targets = torch.tensor([[1.0], [5.0]]), torch.tensor([[0.0], [7.5]])
    assert value(worst, outputs, targets, pieces=2, way="minimize") == 2.5


@pytest.mark.parametrize("given", ["text", None, torch.zeros(2), [1.0]])
def test_a_function_that_gives_no_number_fails(given: Any) -> None:
    with pytest.raises(EvaluationFailed, match=r"a number from the metric 'metric', got .*return"):
        value(lambda o, t: given, RIGHT_OF_3, LABELS, way="minimize")


def test_a_metric_that_is_not_finite_fails() -> None:
    with pytest.raises(EvaluationFailed, match=r"a finite perplexity, got inf; lower"):
        value("perplexity", 1e4 * RIGHT_OF_3, LABELS)


@pytest.mark.parametrize(
    ("name", "direction", "message"),
    [
        ("precision", None, r"unknown metric 'precision'; expected one of 'accuracy', 'balanced"),
        (3, None, r"unknown metric 3"),
        (print, None, r"expected a direction for the metric .*print.*, got none; give direction="),
        (print, "up", r"unknown objective direction 'up'"),
        ("rmse", "maximize", r"a direction with a metric of your own only, got 'maximize' with 'r"),
        (None, "maximize", r"a direction with a metric of your own only, got 'maximize' with None"),
    ],
)
def test_another_metric_is_refused(name: Any, direction: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        checked_metric(name, direction)


@pytest.mark.parametrize(
    ("task", "name", "message"),
    [
        ("regression", "accuracy", r"the task 'regression', got 'accuracy'; choose one of r2, rms"),
        ("classification", "rmse", r"choose one of accuracy, balanced_accuracy, f1, cross_entropy"),
        ("next_token", "f1", r"choose one of accuracy, cross_entropy, perplexity, or give"),
    ],
)
def test_a_metric_without_a_meaning_for_the_task_is_refused(
    task: Any, name: str, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        metric_for(task, metric(name))
