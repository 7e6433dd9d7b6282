"""The progress bar says what the first model waits for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import Architecture, NASBench201


class Slow:
    """An encoder that is ready when it is let go."""

    name, width = "slow", 1

    def __init__(self) -> None:
        self.ready = threading.Event()

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        self.ready.wait(60)
        return torch.zeros(len(architectures), 1, dtype=torch.float64)


def test_the_bar_says_what_the_first_model_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    encoder = Slow()

    def evaluate(candidate: Candidate) -> dict[str, float]:
        return {"score": float(candidate.number)}

    timer = threading.Timer(3.0, encoder.ready.set)
    timer.start()
    bonas.optimize(
        NASBench201(channels=4, cells=1),
        11,
        evaluate=evaluate,
        objectives={"score": "maximize"},
        surrogate="gp",
        encoder=encoder,
        seed=0,
    )
    assert "reading the space for the first model" in capsys.readouterr().err
