from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation.data.splits import Rows
from bonas.gradient_search.halves import halves

X, Y = torch.arange(9.0).reshape(9, 1), torch.arange(9)


class ReadOneByOne(Dataset[tuple[Tensor, Tensor]]):
    def __len__(self) -> int:
        return len(Y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return X[index], Y[index]


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __len__(self) -> int:
        return len(Y)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(X, Y, strict=True))


def labels(part: Any) -> list[int]:
    return [int(y) for batch in part for y in batch[1].reshape(-1)]


def split(part: Any, seed: int = 0) -> list[list[int]]:
    return [labels(half) for half in halves(part, torch.Generator().manual_seed(seed))]


@pytest.mark.parametrize(
    "part",
    [
        TensorDataset(X, Y),
        Rows({"x": X}, Y),
        ReadOneByOne(),
        DataLoader(ReadOneByOne(), 2, shuffle=True),
    ],
    ids=["tensors", "rows", "one by one", "loader"],
)
def test_rows_are_in_one_half_each(part: Any) -> None:
    first, second = split(part)
    assert sorted([*first, *second]) == Y.tolist()
    assert abs(len(first) - len(second)) == 1


def test_a_shuffled_loader_never_mixes_its_halves() -> None:
    first, second = halves(DataLoader(ReadOneByOne(), 2, shuffle=True), torch.Generator())
    rest = frozenset(Y.tolist()) - {*labels(second)}
    assert {frozenset(labels(first)) for _ in range(3)} == {rest}


@pytest.mark.parametrize(
    "part",
    [[(X[i : i + 2], Y[i : i + 2]) for i in range(0, 9, 2)], DataLoader(Stream(), 2)],
    ids=["list", "loader"],
)
def test_batches_are_taken_in_turns(part: Any) -> None:
    first, second = halves(part, torch.Generator())
    assert labels(first) == [0, 1, 4, 5, 8]
    assert labels(second) == [2, 3, 6, 7]
    assert [len(first), len(second)] == [3, 2]


def test_the_generator_decides() -> None:
    part = TensorDataset(X, Y)
    assert split(part, 1) == split(part, 1) != split(part, 2)


@pytest.mark.parametrize("part", [TensorDataset(X[:3], Y[:3]), [(X, Y)]])
def test_too_few_rows_are_refused(part: Any) -> None:
    with pytest.raises(InvalidData, match="at least"):
        halves(part, torch.Generator())
