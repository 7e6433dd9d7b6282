"""An estimate by hand, by law, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.memory import MemoryEstimate, estimate
from bonas.spaces import Example

ROW = Example((torch.rand(1, 1000),))


class Cut(nn.Linear):
    """A layer whose output has no gradient."""

    def __init__(self) -> None:
        super().__init__(1000, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).detach()


def wide() -> nn.Module:
    """Return a network with 21,021 weights and wide activations."""
    return nn.Sequential(nn.Linear(1000, 20), nn.ReLU(), nn.Linear(20, 21), nn.ReLU())


def test_weights_gradients_and_states_are_counted_exactly() -> None:
    found = estimate(wide(), ROW, 8)
    weights = 4 * (1000 * 20 + 20 + 20 * 21 + 21)
    assert found.weights == found.gradients == weights
    assert 2 * weights <= found.optimizer <= 2 * weights + 16 * 4  # and a count of steps each
    assert estimate(wide(), ROW, 8, "sgd").optimizer == weights
    assert found.total == found.weights + found.gradients + found.optimizer + found.activations


def test_the_batch_that_is_kept_for_the_backward_pass_is_counted() -> None:
    few, many = (estimate(wide(), ROW, rows).total for rows in (1_000, 3_000))
    per_row = (many - few) / 2_000
    assert 4 * 1000 <= per_row <= 2 * 4 * 1000  # the input, and what is small next to it


@pytest.mark.parametrize("rows", [2, 4, 64])
def test_an_estimate_is_that_of_a_run_on_as_many_rows(rows: int) -> None:
    """Compare with the same count on a batch of that size, without scaling."""
    from bonas.evaluation.memory.estimate import _peak, _trained
    from bonas.evaluation.training.recipe import Recipe

    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    image, recipe = Example((torch.rand(1, 3, 9, 9),)), Recipe(1, "adamw", 0.01, 0.0, "cosine")
    direct = _trained(network, image.resized(rows), recipe).timeline
    assert estimate(network, image, rows).total == pytest.approx(_peak(direct, direct, 2), rel=1e-3)


def test_a_moment_that_is_highest_at_many_rows_need_not_be_so_at_few() -> None:
    from bonas.evaluation.memory.estimate import _peak

    # weights: 100 for ever; activations: 1 per row, gone when the states of 50 appear
    few, more = [102, 150], [104, 150]
    assert _peak(few, more, 2) == 150
    assert _peak(few, more, 100) == 200
    assert _peak([10, 10], [20], 4) == 20  # other operations: the peaks alone


def test_the_network_and_the_generators_are_left_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(1000, 4), nn.BatchNorm1d(4), nn.Dropout())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    estimate(network.eval(), ROW, 8)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert not network.training
    assert all(weight.grad is None for weight in network.parameters())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch_size": 0}, InvalidArgument, "batch_size must be a whole number"),
        ({"optimizer": "adam"}, InvalidArgument, "unknown optimizer 'adam'"),
        ({"precision": "fp8"}, InvalidArgument, "unknown precision 'fp8'"),
        ({"network": nn.ReLU()}, InvalidData, "expected a network with weights to train"),
        ({"network": Cut()}, InvalidData, "expected outputs with a gradient"),
    ],
)
def test_what_cannot_be_trained_is_explained(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimate(**{"network": wide(), "example": ROW, "batch_size": 8, **change})


def test_a_network_of_several_inputs_and_outputs_has_an_estimate() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
            z = self.layer(torch.cat([x, y], dim=1))
            return {"logits": z, "other": (z, torch.zeros(()))}

    found = estimate(Two(), Example((torch.rand(1, 3), torch.rand(1, 3))), 16)
    assert isinstance(found, MemoryEstimate)
    assert found.activations > 16 * 6 * 4
