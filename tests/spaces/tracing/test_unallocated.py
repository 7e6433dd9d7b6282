"""Networks without memory: what stays real, what stays shared, and what is left alone."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bonas.spaces.tracing.constants import LIMIT
from bonas.spaces.tracing.known_tensors import constant_of
from bonas.spaces.tracing.unallocated import seeded, unallocated, without_memory


def draws() -> list[float]:
    numpy = np.random.random()  # noqa: NPY002  # the global state is what is tested
    return [random.random(), float(numpy), float(torch.rand(()))]


def test_seeded_draws_are_equal_and_leave_the_global_states_alone() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = draws()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    with seeded():
        first = draws()
    with seeded():
        second = draws()
    assert first == second
    assert draws() == expected


def test_states_are_restored_after_an_error() -> None:
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded():
        draws()[0] / 0
    assert torch.equal(torch.get_rng_state(), state)


def test_small_zeros_and_ones_are_real_and_large_ones_are_not() -> None:
    with unallocated():
        small, large = torch.zeros(4, 4), torch.zeros(LIMIT + 1)
        random_, numbers = torch.rand(2), torch.linspace(0, 1, 3)
    assert [x.is_meta for x in (small, large, random_, numbers)] == [False, True, True, False]
    assert constant_of(large).label == f"zeros(({LIMIT + 1},))"
    assert constant_of(random_).label == "rand"


def test_moves_to_a_device_do_nothing_and_moves_to_a_dtype_do_only_that() -> None:
    with unallocated():
        layer = nn.Linear(2, 3).to("cuda").half()
        moved = torch.empty(2, 3).cuda()
    assert layer.weight.dtype is torch.float16
    assert layer.weight.is_meta
    assert moved.is_meta


def test_a_network_keeps_small_buffers_as_constants() -> None:
    class Masked(nn.Module):
        mask: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.tril(torch.ones(3, 3)))

    with unallocated():
        network = without_memory(Masked())
    mask = network.get_buffer("mask")
    assert mask.is_meta
    assert torch.equal(constant_of(mask).values, torch.tril(torch.ones(3, 3)))  # type: ignore[arg-type]  # it has them


def test_a_module_of_the_user_is_copied_and_stays_as_it_was() -> None:
    shared = nn.Linear(2, 2)
    with unallocated():
        network = without_memory(nn.Sequential(shared, nn.Linear(2, 3)))
    assert all(p.is_meta for p in network.parameters())
    assert not any(p.is_meta for p in shared.parameters())


def test_tied_parameters_stay_tied_in_a_copy() -> None:
    one, other = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    other.weight = one.weight
    network = without_memory(nn.Sequential(one, other))
    assert network.get_parameter("0.weight") is network.get_parameter("1.weight")
    assert one.weight is other.weight
    assert not one.weight.is_meta


def test_a_network_of_the_run_itself_is_not_copied() -> None:
    with unallocated():
        made = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        assert without_memory(made) is made
    assert all(t.is_meta for t in (*made.parameters(), *made.buffers()) if t.dim())


def test_a_module_that_cannot_be_copied_is_returned_as_it_is() -> None:
    class Stubborn(nn.Linear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("no copies")

    module = Stubborn(2, 2)
    assert without_memory(module) is module
    assert not module.weight.is_meta


def test_frozen_parameters_stay_frozen() -> None:
    module = nn.Linear(2, 2).requires_grad_(False)
    assert not any(p.requires_grad for p in without_memory(module).parameters())
