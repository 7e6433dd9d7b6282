"""Peak memory as an objective: its size, its description, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from candidates import candidate
from torch import nn

import bonas
from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import PeakMemory
from bonas.evaluation.memory import can_measure

pytestmark = pytest.mark.skipif(
    not can_measure(torch.device("cpu")), reason="only Linux counts the peak"
)


def layers(width: int) -> nn.Module:
    """Return a network with 4 (50 width + width + width 2 + 2) bytes of weights."""
    return nn.Sequential(nn.Linear(50, width), nn.ReLU(), nn.Linear(width, 2))


def test_an_inference_takes_weights_and_activations() -> None:
    network = candidate(lambda: layers(50_000))  # 10.6 MB of weights
    found = PeakMemory((50,), batch_size=100)(network)["peak_memory"]  # 20 MB per activation
    assert 10.6 + 20 < found < 10.6 + 80


def test_a_training_takes_more() -> None:
    network = candidate(lambda: layers(50_000))
    of_training = PeakMemory((50,), batch_size=100, of="training")
    found = of_training(network)["training_memory"]
    assert 4 * 10.6 + 20 < found < 4 * 10.6 + 150
    assert found > PeakMemory((50,), batch_size=100)(network)["peak_memory"]


def test_it_says_what_it_measures() -> None:
    inference, training = PeakMemory((3,)), PeakMemory((3,), of="training", batch_size=8)
    assert [str(goal) for goal in inference.objectives] == ["peak_memory [MB]"]
    assert [str(goal) for goal in training.objectives] == ["training_memory [MB]"]
    assert training.describe() == {
        "training_memory": {
            "input_shape": [3],
            "batch_size": 8,
            "device": "cpu",
            "threads": 1,
            "optimizer": "adamw",
        }
    }


def test_it_is_an_objective_of_a_search() -> None:
    @bonas.space(input=torch.zeros(1, 50))
    def network(choose: Any) -> nn.Module:
        return layers(choose("width", [10, 100_000]))

    result = bonas.optimize(network, 2, evaluate=PeakMemory(), seed=0, progress=False)
    (best,) = result.front
    assert best.choices == {"width": 10}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"of": "both"}, "unknown kind of run 'both'"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"of": "training", "batch_size": 1}, "batch_size must be a whole number of at least 2"),
        ({"device": "mps:7"}, "expected a device out of"),
        ({"repeats": 0}, "repeats must be"),
        ({"threads": 0}, "threads must be"),
        ({"optimizer": "adam"}, "unknown optimizer"),
    ],
)
def test_what_cannot_be_measured_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        PeakMemory((3,), **given)


def test_a_shape_is_needed_and_has_to_fit() -> None:
    with pytest.raises(InvalidArgument, match="expected an input shape, got none"):
        PeakMemory()(candidate(lambda: layers(3)))
    with pytest.raises(InvalidData, match="expected a network that takes a batch"):
        PeakMemory((7,))(candidate(lambda: layers(3)))
