"""Facts about the batches of a part of the data."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from listed import Listed
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation import load
from bonas.evaluation.data.batches import Batches, as_given, inputs_and_targets, moved, pairs
from bonas.evaluation.data.splits import Rows

CPU = torch.device("cpu")
X, Y = torch.arange(14.0).reshape(7, 2), torch.arange(7)


def parts() -> dict[str, Any]:
    """Return the same seven rows in every kind of part that is read by rows."""
    return {
        "tensors": TensorDataset(X, Y),
        "several inputs": Rows((X, X + 1), Y),
        "one by one": Listed(list(zip(X, Y, strict=True))),
    }


def shuffler(seed: int) -> torch.Generator:
    """Return a seeded generator."""
    return torch.Generator().manual_seed(seed)


def targets_of(batches: Batches) -> list[list[int]]:
    """Return the targets of each batch."""
    return [batch[1].tolist() for batch in batches]


@pytest.mark.parametrize("kind", parts())
def test_rows_come_in_order_and_the_last_batch_is_smaller(kind: str) -> None:
    batches = Batches(parts()[kind], 3, CPU)
    assert targets_of(batches) == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(batches) == 3
    assert targets_of(batches) == [[0, 1, 2], [3, 4, 5], [6]]  # made anew


@pytest.mark.parametrize("kind", parts())
def test_a_training_leaves_out_a_last_single_row(kind: str) -> None:
    """Drop another row in each epoch: no batch norm can take a batch of 1."""
    batches = Batches(parts()[kind], 3, CPU, shuffler(0))
    epochs = [list(chain(*targets_of(batches))) for _ in range(8)]
    assert [len(batches), {len(rows) for rows in epochs}] == [2, {6}]
    assert len({*range(7)} - set.intersection(*map(set, epochs))) > 1


@pytest.mark.parametrize("kind", parts())
def test_a_training_keeps_two_last_rows(kind: str) -> None:
    batches = Batches(parts()[kind], 5, CPU, shuffler(0))
    assert [len(rows) for rows in targets_of(batches)] == [5, 2]


@pytest.mark.parametrize("kind", parts())
def test_a_seed_gives_one_order(kind: str) -> None:
    one, same, other = (Batches(parts()[kind], 7, CPU, shuffler(s)) for s in (1, 1, 2))
    first = targets_of(one)
    assert targets_of(same) == first
    assert targets_of(other) != first
    assert targets_of(one) != first  # the next epoch
    assert sorted(first[0]) == list(range(7))


def test_loaders_and_lists_of_batches_are_used_as_they_are() -> None:
    loader = DataLoader(TensorDataset(X, Y), 6)
    for part in (loader, list(loader)):
        batches = Batches(part, 2, CPU, shuffler(0))
        assert targets_of(batches) == [[0, 1, 2, 3, 4, 5], [6]]
        assert len(batches) == 2


class Movable:
    """A batch of another library, which can be moved."""

    def __init__(self) -> None:
        self.device: torch.device | None = None

    def to(self, device: torch.device) -> Movable:
        self.device = device
        return self


def test_all_that_is_in_a_batch_is_moved() -> None:
    meta = torch.device("meta")
    batch = {"x": (X, [Y]), "name": "first", "n": 7}
    found = moved(batch, meta)
    assert (found["x"][0].device, found["x"][1][0].device) == (meta, meta)
    assert (found["name"], found["n"]) == ("first", 7)
    movable = moved(Movable(), meta)
    assert movable.device == meta
    assert moved("text", meta) == "text"


def test_lists_of_numbers_are_collated_as_arrays() -> None:
    rows = [
        {"ids": [1, 2, 3], "more": ([0.5, 0.5], 1)},
        {"ids": [4, 5, 6], "more": ([1.0, 2.0], 0)},
    ]
    (batch,) = Batches(Listed(rows), 2, CPU)
    assert batch["ids"].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert batch["more"][0].shape == (2, 2)
    assert batch["more"][1].tolist() == [1, 0]


def test_lists_of_words_are_collated_as_torch_does() -> None:
    (batch,) = Batches(Listed([["a", "b"], ["c", "d"]]), 2, CPU)
    assert [tuple(words) for words in batch] == [("a", "c"), ("b", "d")]


@pytest.mark.parametrize("rows", [[[1, 2], [3]], [torch.zeros(2), torch.zeros(3)], [None, None]])
def test_rows_that_make_no_batch_are_named(rows: list[Any]) -> None:
    with pytest.raises(InvalidData, match=r"rows that can be collated, got .* your own collate_fn"):
        list(Batches(Listed(rows), 2, CPU))


@pytest.mark.parametrize(
    ("x", "y", "kinds"),
    [
        (X.numpy(), [0, 1] * 3 + [0], (torch.float32, torch.int64)),
        (X.double(), [0.5, 1.0, 2.5] * 2 + [9.0], (torch.float32, torch.float64)),
        (X.long(), X.long() + 1, (torch.int64, torch.int64)),
        (X * 1j, [0, 1] * 3 + [0], (torch.complex64, torch.int64)),
        (X, (X > 3).int(), (torch.float32, torch.float32)),
        (X, X.reshape(7, 1, 2), (torch.float32, torch.float32)),
    ],
    ids=["labels", "numbers", "tokens", "complex", "several labels", "images"],
)
def test_inputs_and_targets_have_the_types_of_the_task(x: Any, y: Any, kinds: Any) -> None:
    splits = load((x, y), test=0, validation=0.3)
    loaded = Batches(splits.train, 2, CPU)
    for inputs, targets in pairs(loaded, splits):
        assert isinstance(inputs, Tensor)
        assert (inputs.dtype, targets.dtype) == kinds
    raw = inputs_and_targets((torch.as_tensor(x)[:2], torch.as_tensor(y)[:2]), splits)
    assert (raw[0].dtype, raw[1].dtype) == kinds  # type: ignore[union-attr]  # a single input


def test_labels_of_a_causal_model_are_shifted_in_a_batch() -> None:
    ids = torch.arange(20).reshape(5, 4)
    splits = load(Listed([{"input_ids": row, "labels": row} for row in ids]), test=0)
    assert splits.shifted
    _, targets = inputs_and_targets({"input_ids": ids, "labels": ids}, splits)
    assert targets.tolist()[0] == [1, 2, 3, -100]


def test_targets_come_back_in_the_shape_in_which_they_were_given() -> None:
    splits = load((X.numpy(), np.arange(7.0)[:, None] / 2), test=0, validation=0.3)
    column = torch.tensor([[0.5], [1.0]], dtype=torch.float64)
    found = as_given(column, splits)
    assert (found.shape, found.dtype) == ((2, 1), torch.float32)
    flat = load((X.numpy(), np.arange(7.0) / 2), test=0, validation=0.3)
    assert as_given(column, flat).shape == (2,)
