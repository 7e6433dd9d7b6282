"""Facts about data sets that are read row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from listed import Listed
from torch.utils.data import IterableDataset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import load
from bonas.evaluation.data.dataset import checked_length, is_dataset, whole_parts

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2


class Hub:
    """A data set that is no subclass of torch's, as those of Hugging Face."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return iter([])


class Frame:
    """The part of a table of pandas that bonas uses."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def to_numpy(self) -> Any:
        return X


def rows(y: Any = Y) -> list[Any]:
    """Return rows of a tensor and a target."""
    return [(torch.as_tensor(a), b) for a, b in zip(X, y, strict=True)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (Listed([]), True),
        (Hub([]), True),
        (TensorDataset(torch.zeros(1)), True),
        (Streamed(), True),
        (Frame(), False),
        (X, False),
        (torch.zeros(3), False),
        ([1, 2], False),
        ((X, Y), False),
        ({"x": X}, False),
        ("iris", False),
        (range(3), False),
        (iter([]), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_data_set_has_rows_by_index_and_is_nothing_else(data: Any, expected: bool) -> None:
    assert is_dataset(data) is expected


def test_a_data_set_of_another_library_is_read_as_one_of_torch() -> None:
    hub: Any = Hub(rows())
    one, other = load(hub, seed=2), load(Listed(rows()), seed=2)
    assert (one.name, one.counts) == (other.name, other.counts)


@pytest.mark.parametrize("data", [Streamed(), Listed([]), iter([])])
def test_a_length_of_at_least_1_is_needed(data: Any) -> None:
    with pytest.raises(
        InvalidArgument, match=r"at least one row, .* give it __len__ and __getitem"
    ):
        checked_length(data)
    assert checked_length(Listed([1, 2])) == 2


def test_two_data_sets_are_parts_without_a_test() -> None:
    train, validation, test = whole_parts(3, 2)
    assert (train.tolist(), validation.tolist(), test.tolist()) == ([0, 1, 2], [3, 4], [])


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([int(y) for y in Y], "classification"),
        ([np.int32(y) for y in Y], "classification"),
        ([torch.tensor(y) for y in Y], "classification"),
        ([np.array(y) for y in Y], "classification"),
        ([float(i % 4) for i in range(20)], "classification"),
        ([i + 0.5 for i in range(20)], "regression"),
        ([torch.tensor(i + 0.5) for i in range(20)], "regression"),
        ([np.array([i + 0.5, i]) for i in range(20)], "regression"),
    ],
)
def test_the_first_target_tells_how_all_are_read(labels: Any, task: str) -> None:
    assert load(Listed(rows(labels))).task == task


def test_whole_numbers_may_be_amounts_where_the_task_says_so() -> None:
    splits = load(Listed(rows(list(range(20)))), task="regression")
    assert splits.scale is not None
    assert splits.outputs == 1


def test_inputs_that_are_not_tokens_are_read_once_for_their_shape() -> None:
    data = Listed(rows())
    data.targets = Y  # type: ignore[attr-defined]  # as torchvision's data sets have
    load(data)
    assert data.read == [0]


def test_token_ids_are_all_read_for_the_vocabulary() -> None:
    ids = [(torch.tensor([i, 3]), i % 2) for i in range(10)]
    splits = load(Listed(ids), test=0, validation=0.4)
    assert (splits.vocabulary, splits.input_shape) == (10, (2,))


def test_targets_of_two_data_sets_are_joined() -> None:
    one, other = Listed(rows()), Listed(rows()[:4])
    one.targets, other.targets = Y, Y[:4]  # type: ignore[attr-defined]  # as torchvision's
    splits = load((one, other))
    assert splits.counts == (10, 10)
    assert {*one.read, *other.read} == {0}
    assert [int(splits.validation[i][1]) for i in range(4)] == [0, 1, 0, 1]  # type: ignore[index]


def test_a_list_of_targets_of_another_length_is_ignored() -> None:
    data = Listed(rows())
    data.targets = [0]  # type: ignore[attr-defined]  # of something else
    assert load(data).counts == (6, 6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [(X[0], 0, 1)],
            r"expected rows \(input, label\) of Listed, got a tuple of length 3",
        ),
        ([{"x": X[0]}], r"rows \(input, label\) of Listed, or mappings .* got \['x'\]; rename one"),
        ([(torch.tensor(1.0), 0)], r"a tensor or an array as the input at index 0, got a Tensor"),
        (
            [(X[0], 0.5), (X[1], "b")],
            "expected a whole number as the label at index 1, got",
        ),
    ],
)
def test_rows_that_cannot_be_used_are_named(data: list[Any], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        load(Listed(data))
