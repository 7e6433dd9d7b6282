"""Facts about the copy of a network that is delivered, and about the distance of outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.runtimes.deliverable import deliverable, largest_difference

IMAGES = torch.rand(2, 3, 8, 8)


def channels_last() -> nn.Module:
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.Dropout()
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def test_weights_are_in_row_major_order_even_where_sizes_of_1_hide_it() -> None:
    network = channels_last()
    assert network[2].weight.stride() == (4, 1, 4, 4)
    copied = deliverable(network)
    for tensor in [*copied.parameters(), *copied.buffers()]:
        expected = torch.empty(tensor.shape).stride()
        assert tensor.stride() == expected
        assert tensor.storage_offset() == 0
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def test_outputs_are_those_of_the_network_which_stays_as_it_was() -> None:
    network = channels_last().train()
    network(IMAGES).sum().backward()
    copied = deliverable(network)
    assert network.training
    assert network[0].weight.grad is not None
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert not copied.training
    assert copied[0].weight.grad is None
    assert largest_difference(copied(IMAGES), network.eval()(IMAGES)) < 1e-6


def test_tied_weights_stay_tied() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    copied = deliverable(network)
    assert copied[1].weight is copied[0].weight
    assert copied[0].weight is not network[0].weight


def test_hooks_are_dropped_except_those_that_compute_weights() -> None:
    calls: list[int] = []
    network = nn.Sequential(nn.utils.spectral_norm(nn.Linear(3, 3)), nn.ReLU())
    network[1].register_forward_hook(lambda *_: calls.append(1))
    network.eval()
    copied = deliverable(network)
    x = torch.rand(2, 3)
    assert torch.equal(copied(x), network(x))
    assert len(calls) == 1


def test_a_lazy_network_has_no_weights_to_deliver() -> None:
    with pytest.raises(InvalidData, match="'weight' of LazyLinear is lazy; run it once"):
        deliverable(nn.LazyLinear(3))


def test_a_network_that_cannot_be_copied_is_named() -> None:
    network = nn.Linear(3, 3)
    network.kept = network(torch.rand(1, 3))  # type: ignore[assignment]  # a user may do so
    with pytest.raises(InvalidData, match="Linear raises RuntimeError: Only Tensors created"):
        deliverable(network)


@dataclass
class Output:
    logits: Tensor
    loss: Tensor | None = None


@pytest.mark.parametrize(
    ("found", "wanted", "difference"),
    [
        (torch.tensor([0.0, 4.5]), torch.tensor([1.0, 5.0]), 0.25),
        (np.array([0.0, 4.5]), torch.tensor([1.0, 5.0]), 0.25),
        ([np.array([0.0, 4.5])], {"logits": torch.tensor([1.0, 5.0])}, 0.25),
        ([np.array([0.0, 4.5])], Output(torch.tensor([1.0, 5.0])), 0.25),
        ((torch.ones(2), torch.zeros(1)), [torch.ones(2), torch.full((1,), 4.0)], 1.0),
        (torch.tensor([3.0]), torch.tensor([2.0]), 0.5),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), 0.5),
        (torch.tensor([math.nan, 1.0]), torch.tensor([math.nan, 1.0]), 0.0),
        (torch.tensor([-math.inf, 1.0]), torch.tensor([-math.inf, 1.0]), 0.0),
        (torch.tensor([math.nan, 1.0]), torch.tensor([0.0, 1.0]), math.inf),
        (torch.ones(2), torch.ones(3), math.inf),
        ((), torch.ones(3), math.inf),
        (torch.ones(2).bfloat16(), torch.ones(2).bfloat16(), 0.0),
    ],
)
def test_the_difference_is_a_share_of_the_range(
    found: object, wanted: object, difference: float
) -> None:
    assert largest_difference(found, wanted) == pytest.approx(difference)
