"""Facts about the recalibration of batch norms."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.evaluation.training.recalibration import recalibrate


def batches(n: int = 3) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(5, 2, generator=draw) * (i + 1) + i for i in range(n)]


def passes(network: nn.Module, given: list[Tensor]) -> list[Any]:
    return [partial(network, batch) for batch in given]


def test_statistics_are_the_mean_over_batches_of_their_means_and_unbiased_variances() -> None:
    norm, given = nn.BatchNorm1d(2), batches()
    norm.running_mean, norm.running_var = torch.full((2,), 9.0), torch.full((2,), 9.0)
    assert recalibrate(norm, passes(norm, given))
    assert torch.allclose(norm.running_mean, torch.stack([x.mean(0) for x in given]).mean(0))
    assert torch.allclose(norm.running_var, torch.stack([x.var(0) for x in given]).mean(0))


def test_modes_momenta_and_weights_are_as_before() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, momentum=0.3), nn.Dropout(0.5))
    network[1].eval()
    weights = [weight.clone() for weight in network.parameters()]
    recalibrate(network, passes(network, batches()))
    assert [part.training for part in network.modules()] == [True, True, False, True]
    assert network[1].momentum == 0.3
    assert all(map(torch.equal, weights, network.parameters()))
    assert not any(weight.grad_fn for weight in network.parameters())


def test_nothing_is_dropped_meanwhile_and_nothing_is_drawn() -> None:
    network = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(2))
    before, (x,) = torch.get_rng_state(), batches(1)
    recalibrate(network, passes(network, [x]))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.allclose(network[1].running_mean, x.mean(0))  # type: ignore[arg-type]  # a buffer


@pytest.mark.parametrize("norm", [nn.LayerNorm(2), nn.BatchNorm1d(2, track_running_stats=False)])
def test_without_running_statistics_no_batch_is_read(norm: nn.Module) -> None:
    def fails() -> None:
        raise AssertionError

    assert not recalibrate(nn.Sequential(norm), [fails])


def test_a_failing_pass_leaves_modes_and_momenta_as_they_were() -> None:
    norm = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="expected 2D or 3D input"):
        recalibrate(norm, [partial(norm, torch.ones(2))])
    assert norm.momentum == 0.1
    assert norm.training


def test_batches_of_other_statistics_give_other_ones() -> None:
    norm = nn.BatchNorm2d(1)
    recalibrate(norm, [partial(norm, torch.full((2, 1, 2, 2), 3.0))])
    assert norm.running_mean is not None
    assert float(norm.running_mean) == 3.0
    assert norm.running_var is not None
    assert float(norm.running_var) == 0.0


def test_instance_norms_with_running_statistics_average_over_batches_too() -> None:
    norm = nn.InstanceNorm1d(2, track_running_stats=True, momentum=0.3)
    given = [x.T.reshape(1, 2, 5) + 4.0 for x in batches()]
    assert recalibrate(norm, passes(norm, given))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = torch.stack([x.mean((0, 2)) for x in given]).mean(0)
    variance = torch.stack([x.var((0, 2)) for x in given]).mean(0)
    assert torch.allclose(norm.running_mean, mean)
    assert torch.allclose(norm.running_var, variance)
    assert norm.momentum == 0.3
    assert not norm._forward_pre_hooks
