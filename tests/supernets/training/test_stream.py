"""Batches without an end, from any place on."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation.data.batches import Batches
from bonas.evaluation.data.splits import Part
from bonas.supernets.training.stream import Stream

_ROWS = TensorDataset(torch.arange(10), torch.arange(10))
_LOADER = DataLoader(_ROWS, 3, shuffle=True, drop_last=True)


def stream(part: Part = _ROWS, epoch: int = 0, index: int = 0, seed: int = 0) -> Stream:
    shuffled = Batches(part, 3, torch.device("cpu"), torch.Generator())  # three of 3 rows
    return Stream(shuffled, (seed,), epoch, index)


def taken(of: Stream, n: int) -> list[list[int]]:
    return [of.next()[0].tolist() for _ in range(n)]


@pytest.mark.parametrize("part", [_ROWS, _LOADER], ids=["rows", "loader"])
def test_a_stream_from_a_place_yields_what_another_yields_after_it(part: Part) -> None:
    whole = stream(part)
    for i in range(8):
        ahead = taken(stream(part, whole.epoch, whole.index), 1)
        torch.rand(i)  # as anything else that draws
        assert taken(whole, 1) == ahead


def test_each_epoch_has_an_order_of_its_own_that_the_seed_decides() -> None:
    one, other = taken(stream(), 3), taken(stream(epoch=1), 3)
    assert one != other
    assert taken(stream(seed=1), 3) != one
    assert len({row for batch in one for row in batch}) == 9


def test_no_global_generator_is_drawn_from() -> None:
    before = torch.get_rng_state()
    stream(_LOADER)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_without_batches_is_refused() -> None:
    with pytest.raises(InvalidData, match="expected batches to train on, got none"):
        stream([]).next()
