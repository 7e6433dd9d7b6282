"""The store: boxes of shared tensors."""

from __future__ import annotations

import pytest
import torch

from bonas.errors import InvalidSpace
from bonas.supernets.slot import Piece, Slot
from bonas.supernets.store import Store, box


def _store(key: str, tensor: torch.Tensor, kernel: int = 0) -> Store:
    store = Store()
    store.set(key, tensor, kernel)
    return store


def test_a_piece_is_the_front_of_a_tensor_and_the_centre_of_its_kernel() -> None:
    shared = torch.arange(2 * 5.0).view(2, 5)
    taken = _store("a", shared, 1).take(Slot("w", (Piece("a", (1, 3), 1),)), (1, 3))
    assert taken.tolist() == [[1.0, 2.0, 3.0]]


def test_pieces_follow_one_another_along_the_first_dimension() -> None:
    store = _store("q", torch.arange(4.0).view(2, 2))
    store.set("k", 10 + torch.arange(4.0).view(2, 2))
    slot = Slot("w", (Piece("q", (1, 2)), Piece("k", (2, 2))))
    assert store.take(slot, (3, 2)).tolist() == [[0, 1], [10, 11], [12, 13]]


def test_blocks_have_a_dimension_of_their_own() -> None:
    heads = torch.arange(2 * 3.0).view(2, 3, 1)  # 2 heads of 3 numbers, from one input
    taken = _store("q", heads).take(Slot("w", (Piece("q", (2, 2, 1)),)), (4, 1))
    assert taken.flatten().tolist() == [0, 1, 3, 4]  # the first two numbers of either head


def test_gradients_reach_the_shared_tensor_where_it_was_read() -> None:
    store = _store("a", torch.zeros(3, 3))
    store.take(Slot("w", (Piece("a", (2, 1)),)), (2,)).sum().backward()
    assert store["a"].grad is not None
    assert store["a"].grad.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_whole_tensor_is_taken_as_it_is() -> None:
    store = _store("a", torch.zeros(3, 3))
    assert store.take(Slot("w", (Piece("a", (3, 3)),)), (3, 3)) is store["a"]


def test_growth_keeps_trained_numbers_in_front_and_in_the_centre() -> None:
    store = Store()
    small, large = Slot("w", (Piece("a", (1, 3), 1),)), Slot("w", (Piece("a", (2, 5), 1),))
    store.grow([small], {"w": torch.ones(1, 3)})
    assert store.grow([large], {"w": torch.full((2, 5), 7.0)}) == ["a"]
    assert store["a"].tolist() == [[7, 1, 1, 1, 7], [7, 7, 7, 7, 7]]
    assert store.grow([small], {"w": torch.zeros(1, 3)}) == []


def test_a_grown_tensor_stays_the_parameter_that_an_optimizer_holds() -> None:
    store = Store()
    store.grow([Slot("w", (Piece("a", (1,)),))], {"w": torch.ones(1)})
    held = store["a"]
    store.grow([Slot("w", (Piece("a", (2,)),))], {"w": torch.ones(2)})
    assert store["a"] is held
    assert held.shape == (2,)


def test_a_tensor_grows_while_networks_that_read_it_live() -> None:
    """Keep what an earlier network took; its gradients and those of the next have two shapes."""
    store, small = Store(), Slot("w", (Piece("a", (1, 2)),))
    store.grow([small], {"w": torch.ones(1, 2, requires_grad=True)})
    earlier = store.take(Slot("w", (Piece("a", (1, 1)),)), (1, 1))
    earlier.sum().backward()
    large = Slot("w", (Piece("a", (2, 3)),))
    store.grow([large], {"w": torch.ones(2, 3, requires_grad=True)})
    assert store["a"].grad is None
    store.take(Slot("w", (Piece("a", (2, 2)),)), (2, 2)).sum().backward()
    assert store["a"].grad is not None
    assert store["a"].grad.tolist() == [[1, 1, 0], [1, 1, 0]]
    assert earlier.shape == (1, 1)


def test_corners_that_no_network_initialised_are_drawn_from_known_numbers() -> None:
    store = Store()
    store.grow([Slot("w", (Piece("a", (1, 3)),))], {"w": torch.ones(1, 3)})
    store.grow([Slot("w", (Piece("a", (3, 1)),))], {"w": torch.full((3, 1), 2.0)})
    assert store["a"].shape == (3, 3)
    assert set(store["a"].flatten().tolist()) <= {1.0, 2.0}
    assert store["a"][0].tolist() == [1, 1, 1]


def test_the_same_seed_gives_the_same_corners() -> None:
    def grown(seed: int) -> list[float]:
        store = Store(seed)
        store.grow([Slot("w", (Piece("a", (1, 30)),))], {"w": torch.arange(30.0).view(1, 30)})
        store.grow([Slot("w", (Piece("a", (30, 1)),))], {"w": torch.arange(30.0).view(30, 1)})
        return list(store["a"].flatten().tolist())

    assert grown(0) == grown(0)
    assert grown(0) != grown(1)


def test_one_key_cannot_have_two_numbers_of_dimensions() -> None:
    store = _store("layer", torch.zeros(3))
    with pytest.raises(InvalidSpace, match="'layer' have the shape"):
        store.lacks([Slot("w", (Piece("layer", (3, 3)),))])


def test_pieces_must_hold_the_numbers_of_their_parameter() -> None:
    with pytest.raises(InvalidSpace, match="6 numbers of 'w'"):
        Store().grow([Slot("w", (Piece("a", (2, 2)),))], {"w": torch.zeros(6)})


def test_the_box_of_an_even_kernel_in_an_odd_one_begins_at_its_front() -> None:
    assert box((5,), (4,), 1) == (slice(0, 4),)
