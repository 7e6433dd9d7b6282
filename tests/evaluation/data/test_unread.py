"""Facts about data that only a user's own functions read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate
from listed import Listed
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import ShortTraining, Splits
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.unread import load_unread

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2
IDS = torch.arange(12).reshape(3, 4)


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([IDS])


class Series:
    """The part of a series of pandas that bonas uses."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def to_numpy(self) -> Any:
        return self.values


def unread(data: Any, **shares: float) -> Splits:
    return load_unread(data, Shares(**shares))  # type: ignore[arg-type]  # no seed is given


def sizes(splits: Splits) -> tuple[int, ...]:
    parts = (splits.train, splits.validation, splits.test)
    return tuple(len(part) for part in parts if part is not None)


class Copy(nn.Module):
    """A network that predicts the next id from the present one."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(12, 12)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.table(ids)
        return out


def loss(network: nn.Module, ids: Tensor) -> Tensor:
    return nn.functional.cross_entropy(network(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([IDS, IDS], [IDS]),
        ([IDS], [IDS]),
        ([IDS, IDS, IDS], [IDS, IDS, IDS]),
        ((IDS, IDS), (IDS,)),
        ([IDS[:1], IDS[:1]], [IDS[:1]]),
    ],
    ids=["two and one", "one and one", "as many as rows", "tuples", "of one row"],
)
def test_two_lists_of_tensors_are_batches(train: Any, validation: Any) -> None:
    splits = unread((train, validation))
    assert (splits.train, splits.validation) == (train, validation)
    assert splits.test is None
    kind = type(train).__name__
    assert splits.name == f"{len(train)} of a {kind} and {len(validation)} of a {kind}"


def test_a_training_steps_through_batches_that_are_bare_tensors() -> None:
    read: list[tuple[int, ...]] = []

    def step(network: nn.Module, ids: Tensor) -> Tensor:
        read.append(tuple(ids.shape))
        return loss(network, ids)

    def score(network: nn.Module, batches: Any) -> dict[str, float]:
        return {"loss": float(sum(loss(network, ids) for ids in batches))}

    training = ShortTraining(
        ([IDS, IDS[:2]], [IDS]),
        step=step,
        score=score,
        direction={"loss": "minimize"},
        epochs=20,
        learning_rate=0.2,
    )
    assert training(candidate(Copy))["loss"] < 1.0
    assert read == 20 * [(3, 4), (2, 4)]


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),
        (X, Y.tolist()),
        (torch.as_tensor(X), torch.as_tensor(Y)),
        (X, Series(Y)),
        (X, [torch.tensor([y, y]) for y in Y]),
        (list(X), list(X)),
        ([X, X], Y),
        ([X, X], [X[i] for i in range(20)]),
        ((X, X), Y.tolist()),
        ({"a": X, "b": X}, [torch.tensor([y, y]) for y in Y]),
    ],
    ids=[
        "arrays",
        "a list of numbers",
        "tensors",
        "a series",
        "targets as a list of tensors",
        "rows and targets as lists",
        "a list of two inputs",
        "two inputs, targets as a list",
        "a tuple of two inputs",
        "a mapping",
    ],
)
def test_inputs_and_targets_in_memory_are_rows(x: Any, y: Any) -> None:
    splits = unread((x, y), validation=0.25, test=0.25)
    assert sizes(splits) == (10, 5, 5)
    assert splits.name.startswith("20 rows ")
    assert (splits.task, splits.classes) == (None, 0)


def test_two_pairs_are_training_and_validation_rows() -> None:
    splits = unread(((X, Y), (X[:8], Y[:8])))
    assert sizes(splits) == (20, 8)
    assert splits.name.count(" rows ") == 2


@pytest.mark.parametrize("kind", [list, tuple])
def test_two_arrays_of_one_length_are_inputs_and_targets(kind: Any) -> None:
    splits = unread((kind([IDS, IDS]), kind([IDS, IDS])))
    inputs, targets = splits.train[:2]  # type: ignore[misc]  # rows in memory
    assert inputs.shape == targets.shape == (2, 4)
    batches = kind([IDS, IDS[:2]])
    assert unread((batches, batches)).train is batches


def test_floats_become_float32_and_whole_numbers_keep_their_type() -> None:
    (train,) = unread((X, Y)).train[:1][1:]  # type: ignore[index]  # rows in memory
    (amounts,) = unread((X, Y + 0.5)).train[:1][1:]  # type: ignore[index]  # rows in memory
    assert (train.dtype, amounts.dtype) == (torch.int64, torch.float32)


def test_rows_of_a_data_set_are_split_whatever_they_hold() -> None:
    splits = unread(Listed([{"text": str(i)} for i in range(10)]), validation=0.2, test=0.2)
    assert sizes(splits) == (6, 2, 2)
    assert splits.name == "10 rows of a Listed"


def test_two_data_sets_and_two_loaders_are_used_as_given() -> None:
    rows = Listed(["a", "b", "c"])
    assert sizes(unread((rows, Listed(["d"])))) == (3, 1)
    train, validation = DataLoader(rows, 2), DataLoader(rows, 1)
    splits = unread((train, validation))
    assert splits.train is train
    assert sizes(splits) == (2, 3)


def test_a_tensor_data_set_is_split() -> None:
    assert sizes(unread(TensorDataset(IDS, IDS, IDS), validation=0.34, test=0)) == (1, 2)


def test_a_named_data_set_is_that_of_load() -> None:
    assert unread("iris").name == "iris"


def test_one_changed_input_gives_another_name() -> None:
    other = X.copy()
    other[3, 1] += 1
    assert len({unread((a, b)).name for a, b in ((X, Y), (other, Y), (X, 1 - Y))}) == 3


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ((X, Y[:19]), InvalidData, "one target per row .*, got 20 rows and 19 targets; give"),
        (((X, X), Y[:19].tolist()), InvalidData, "got 20 rows and 19 targets"),
        ((X, np.array(0.5)), InvalidData, "got 20 rows and 0 targets"),
        ((X, ["a"] * 20), InvalidData, "targets that are real numbers, got a list of length 20"),
        ((X, [[1], [1, 2]]), InvalidData, "targets that form an array, .* give every row the same"),
        (([], []), InvalidArgument, "batches with a length, such as lists, got a list of length 0"),
        ((iter([IDS]), [IDS]), InvalidArgument, "got a list_iterator; give one for training"),
        ((Streamed(), Streamed()), InvalidArgument, "batches with a length, .* got a Streamed"),
        ((DataLoader(Streamed()), [IDS]), InvalidArgument, "DataLoaders that know how many batch"),
        (3, InvalidArgument, "expected data as two DataLoaders, .* got the int 3"),
        ((X, Y, Y), InvalidArgument, "got a tuple of length 3"),
        ((X[:2], Y[:2]), InvalidData, "expected enough rows to split with 0.2 .* got 2"),
    ],
)
def test_data_that_cannot_be_split_are_refused(data: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        unread(data)
