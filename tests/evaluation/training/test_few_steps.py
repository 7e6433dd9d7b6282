"""A few steps of a training say what the whole one has: its steps, its scores, its errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation import ShortTraining
from bonas.evaluation.training.few_steps import StepTimes, few_steps

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(1000, 6)).astype(np.float32), np.arange(1000) % 3


def network() -> nn.Module:
    """Return a network for three classes."""
    return nn.Linear(6, 3)


def test_the_whole_is_its_parts() -> None:
    assert StepTimes(1.0, 0.1, 50, score=2.0, scores=3).whole == pytest.approx(1 + 5 + 6)


def test_the_steps_of_the_whole_training_are_counted() -> None:
    training = ShortTraining(ROWS, epochs=7, batch_size=50)
    *_, last = few_steps(training, candidate(network))
    assert last.steps == 7 * 12  # 600 training rows
    assert last.values.keys() >= {"accuracy"}
    assert last.step > 0


def test_it_reads_few_rows_and_keeps_nothing(tmp_path: Path) -> None:
    seen = 0

    class Counted(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            nonlocal seen
            seen += len(x) * self.training
            return super().forward(x)

    folder = tmp_path / "weights"
    training = ShortTraining(ROWS, epochs=50, batch_size=10, keep_weights=folder)
    assert len(list(few_steps(training, candidate(lambda: Counted(6, 3)), steps=2))) == 4
    assert seen == 3 * 2 * 10
    assert not folder.exists()


def test_two_runs_of_one_seed_agree() -> None:
    one, other = (list(few_steps(ShortTraining(ROWS), candidate(network)))[-1] for _ in range(2))
    assert one.values["accuracy"] == other.values["accuracy"]


def test_batches_of_loaders_are_counted() -> None:
    x, y = map(torch.from_numpy, ROWS)
    loaders = [DataLoader(TensorDataset(x, y), batch_size=100) for _ in range(2)]
    *_, last = few_steps(ShortTraining((loaders[0], loaders[1]), epochs=3), candidate(network))
    assert last.steps == 30


def test_errors_are_those_of_the_training() -> None:
    with pytest.raises(InvalidData, match="expected outputs of shape"):
        list(few_steps(ShortTraining(ROWS), candidate(lambda: nn.Linear(6, 2))))
