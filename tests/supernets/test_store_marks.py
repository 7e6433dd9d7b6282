"""Facts about what a store is known by, and what networks inherit of it."""

from __future__ import annotations

import pytest
import torch

from bonas.supernets.slot import Piece, Slot
from bonas.supernets.store import Store


def slot(*shapes: tuple[int, ...], kernel: int = 0) -> Slot:
    return Slot("w", tuple(Piece(f"k{i}", shape, kernel) for i, shape in enumerate(shapes)))


def stored(*tensors: torch.Tensor, kernel: int = 0) -> Store:
    store = Store()
    for i, tensor in enumerate(tensors):
        store.set(f"k{i}", tensor, kernel)
    return store


def test_a_larger_parameter_keeps_its_own_numbers_around_the_shared_ones() -> None:
    found = stored(torch.ones(2, 2)).copied(slot((3, 2)), torch.zeros(3, 2))
    assert found.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_a_smaller_kernel_is_the_centre_and_a_larger_one_has_it_in_its_centre() -> None:
    shared = torch.arange(5.0).reshape(1, 5)
    small = stored(shared, kernel=1).copied(slot((1, 3), kernel=1), torch.zeros(1, 3))
    large = stored(shared, kernel=1).copied(slot((1, 7), kernel=1), torch.full((1, 7), 9.0))
    assert small.tolist() == [[1, 2, 3]]
    assert large.tolist() == [[9, 0, 1, 2, 3, 4, 9]]


def test_each_block_of_a_parameter_has_its_own_front() -> None:
    store = stored(torch.full((2, 3), 1.0), torch.full((4, 3), 2.0))
    found = store.copied(slot((1, 3), (2, 3)), torch.zeros(3, 3))
    assert found[:, 0].tolist() == [1, 2, 2]


def test_the_given_parameter_is_not_changed() -> None:
    own = torch.zeros(2)
    stored(torch.ones(2)).copied(slot((2,)), own)
    assert own.tolist() == [0, 0]


@pytest.mark.parametrize("kernel", [0, 1])
def test_growth_after_a_mark_is_not_inherited_and_not_described(kernel: int) -> None:
    store, wide = stored(torch.ones(2, 3), kernel=kernel), slot((2, 5), kernel=kernel)
    store.mark()
    digest = store.digest()
    store.grow([wide], {"w": torch.nn.Parameter(torch.full((2, 5), 4.0))})
    assert store["k0"].shape == (2, 5)
    assert store.digest() == digest
    assert sorted(store.copied(wide, torch.zeros(2, 5))[0].tolist()) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "other",
    [
        stored(torch.zeros(2, 3)),
        stored(torch.ones(3, 2)),
        stored(torch.ones(2, 3, dtype=torch.float64)),
        stored(torch.ones(2, 3), torch.ones(1)),
    ],
)
def test_digests_differ_where_values_shapes_types_or_keys_do(other: Store) -> None:
    assert stored(torch.ones(2, 3)).digest() != other.digest()


def test_the_layout_in_memory_does_not_change_the_digest() -> None:
    values = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    last = values.to(memory_format=torch.channels_last)
    assert stored(values).digest() == stored(last).digest()
