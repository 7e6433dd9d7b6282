"""Facts about how a network runs: device, random numbers, precision, first pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.evaluation.runtime import first_pass, in_precision, resolved_device, seeded
from bonas.spaces import Example

CPU = torch.device("cpu")


def draw(seed: int) -> Tensor:
    """Return numbers drawn inside the block of a seed."""
    with seeded(np.random.SeedSequence(seed), CPU):
        return torch.rand(3)


@pytest.mark.parametrize("device", ["cpu", CPU, "cpu:0"])
def test_the_cpu_is_always_there(device: Any) -> None:
    assert resolved_device(device).type == "cpu"


def test_without_a_name_it_is_the_first_gpu_or_the_cpu() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolved_device(None).type == expected


@pytest.mark.parametrize("device", ["meta", "cuda:99", "tpu", 3.5, ""])
def test_other_devices_are_refused_with_those_that_there_are(device: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"expected a device out of \['cpu'.*; choose one of"):
        resolved_device(device)


def test_a_seed_decides_what_is_drawn() -> None:
    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_the_global_generator_goes_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    draw(5)
    assert torch.equal(torch.rand(2), expected)


def test_the_global_generator_is_restored_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded(np.random.SeedSequence(0), CPU):
        _ = 1 // int(torch.rand(1) < 0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("precision", "kind"), [(None, torch.float32), ("bf16", torch.bfloat16)])
def test_bf16_computes_products_in_bfloat16(precision: str | None, kind: torch.dtype) -> None:
    weight = torch.ones(2, 2)
    with in_precision(precision, CPU):
        assert (weight @ weight).dtype == kind
    assert weight.dtype == torch.float32
    assert (weight @ weight).dtype == torch.float32


class Modes(nn.Module):
    """A network that remembers how it was run."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append((self.training, torch.is_grad_enabled()))
        if self.error is not None:
            raise self.error
        return x + 1


def test_the_first_pass_is_an_evaluation_without_gradients() -> None:
    network = Modes().train()
    found = first_pass(network, Example((torch.zeros(2, 3),)), candidate(lambda: network))
    assert isinstance(found, Tensor)
    assert torch.equal(found, torch.ones(2, 3))
    assert network.seen == [(False, False)]
    assert not network.training


def test_a_network_that_cannot_take_the_batch_is_named() -> None:
    network = Modes(IndexError("too far"))
    with pytest.raises(InvalidData, match=r"shape \(2, 3\), .*trial 7 .*IndexError: too far; make"):
        first_pass(network, Example((torch.zeros(2, 3),)), candidate(lambda: network, 7))


@pytest.mark.parametrize("error", [MissingData("no file"), torch.cuda.OutOfMemoryError("full")])
def test_errors_that_say_what_is_wrong_are_left_as_they_are(error: Exception) -> None:
    network = Modes(error)
    with pytest.raises(type(error)):
        first_pass(network, Example((torch.zeros(2, 3),)), candidate(lambda: network))
