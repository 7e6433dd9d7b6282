"""Facts about the metric on the training rows, from the passes that train."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import nn

from bonas.evaluation import ShortTraining
from bonas.evaluation.curve import Curve
from bonas.evaluation.training import running_metric
from bonas.evaluation.training.metrics import _METRICS, metric_for
from bonas.evaluation.training.running_metric import RunningMetric

RNG = np.random.default_rng(1)
X = RNG.normal(size=(64, 4)).astype(np.float32)
LABELS = (X.sum(1) > 0).astype(int)
NUMBERS = 1000.0 + 50.0 * X[:, :1]


def linear(outputs: int) -> nn.Linear:
    """The same weights at each call."""
    torch.manual_seed(3)
    return nn.Linear(4, outputs)


@pytest.mark.parametrize(
    "metric", ["accuracy", "balanced_accuracy", "f1", "cross_entropy", "perplexity"]
)
def test_without_a_learning_rate_it_is_the_metric_of_the_training_rows(metric: Any) -> None:
    """The network does not change, so a pass over all training rows gives the same number."""
    training = ShortTraining((X, LABELS), metric=metric, epochs=2, batch_size=7, learning_rate=0)
    found = list(training.measurements(candidate(lambda: linear(2))))
    curve = Curve.of(found, f"train_{metric}")
    rows = training.splits.train
    inputs, targets = zip(*(rows[i] for i in range(len(rows))), strict=True)
    outputs = linear(2)(torch.stack(inputs).float()).detach()
    truth = torch.stack([torch.as_tensor(target) for target in targets])
    expected = float(_METRICS[metric].score(*_METRICS[metric].of_batch(outputs, truth)))
    assert curve.steps == (1, 2)
    assert curve.values == pytest.approx([expected] * 2, rel=1e-5)


def test_of_a_regression_it_is_in_the_units_of_the_targets() -> None:
    training = ShortTraining((X, NUMBERS), epochs=1, batch_size=8, learning_rate=0)
    found = list(training.measurements(candidate(lambda: linear(1))))
    (value,) = Curve.of(found, "train_rmse").values
    assert 10.0 < value < 500.0  # standardised targets would give about 1


def test_it_lags_behind_and_grows_with_the_network() -> None:
    training = ShortTraining((X, LABELS), epochs=20, batch_size=8, learning_rate=0.01)
    found = list(training.measurements(candidate(lambda: linear(2))))
    values = Curve.of(found, "train_accuracy").values
    assert values[-1] > values[0]


@pytest.mark.parametrize(
    "own",
    [
        {"loss": nn.CrossEntropyLoss()},
        {"metric": lambda outputs, targets: 1.0, "direction": "maximize"},
        {"score": lambda network, batches: 1.0, "direction": "maximize"},
    ],
)
def test_with_functions_of_ones_own_there_is_none(own: Any) -> None:
    training = ShortTraining((X, LABELS), epochs=1, batch_size=8, **own)
    found = list(training.measurements(candidate(lambda: linear(2))))
    assert "train_loss" in found[0].values
    assert not [n for n in found[0].values if n.startswith("train_") and n != "train_loss"]


def test_the_last_targets_of_a_long_epoch_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: of 4 + 4 + 4 rows the last two batches hold at least 8; those are all right."""
    monkeypatch.setattr(running_metric, "_MOST", 8)
    running = RunningMetric(metric_for("classification", None), None)
    right, wrong = torch.tensor([[0.0, 1.0]] * 4), torch.tensor([[1.0, 0.0]] * 4)
    for outputs in (wrong, right, right):
        running.add(outputs, torch.ones(4, dtype=torch.long))
    assert running.take() == {"train_accuracy": 100.0}
    assert running.take() == {}


def test_outputs_that_are_not_finite_leave_no_number() -> None:
    for name in ("rmse", "r2", "cross_entropy"):
        task: Any = "classification" if name == "cross_entropy" else "regression"
        running = RunningMetric(metric_for(task, _METRICS[name]), None)
        targets = torch.zeros(2, dtype=torch.long) if name == "cross_entropy" else torch.ones(2, 1)
        running.add(torch.full((2, 1), math.nan), targets)
        assert running.take() == {}


def test_half_precision_is_scored() -> None:
    running = RunningMetric(metric_for("regression", _METRICS["r2"]), None)
    running.add(torch.tensor([[1.0], [2.0]], dtype=torch.bfloat16), torch.tensor([[1.0], [2.0]]))
    assert running.take() == {"train_r2": 1.0}


def test_a_network_is_scored_where_a_stopping_rule_looks() -> None:
    training = ShortTraining((X, LABELS), epochs=10, batch_size=8, validate_every=0)
    one = candidate(lambda: linear(2))
    for rungs, steps in ((), (10,)), ((0.1, 0.25), (1, 3, 10)), ((4, 30), (4, 10)):
        found = list(training.measurements(replace(one, rungs=rungs)))
        assert Curve.of(found, "accuracy").steps == steps
