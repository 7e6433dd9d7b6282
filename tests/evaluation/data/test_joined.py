from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler

from bonas.errors import InvalidData
from bonas.evaluation import load
from bonas.evaluation.data.joined import joined
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.data.unread import load_unread

X, Y = np.arange(80.0).reshape(40, 2), np.arange(40) % 4 // 3
AMOUNTS = np.linspace(-1, 5, 40) ** 3


class Listed(Dataset[tuple[torch.Tensor, int]]):
    def __init__(self, rows: slice = slice(None)) -> None:
        self.rows = list(zip(torch.tensor(X[rows]), Y[rows].tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.rows[index]


def firsts(part: Any) -> list[float]:
    """Return the first input of each row; those of X are all different."""
    return sorted(float(row[0][0]) for row in part)


TWO = (Listed(slice(0, 25)), Listed(slice(25, 32)))
LOADERS = tuple(DataLoader(part, batch_size=5, shuffle=True) for part in TWO)


@pytest.mark.parametrize(
    "splits",
    [
        load((X, Y)),
        load(({"a": X, "b": X}, Y)),
        load(Listed()),
        load(TWO),
        load_unread((X, Y), Shares()),
        load_unread(TWO, Shares()),
    ],
    ids=["pair", "several inputs", "data set", "two data sets", "unread", "unread data sets"],
)
def test_all_rows_but_the_test_rows_are_joined(splits: Splits) -> None:
    both = joined(splits)
    assert len(both.train) == 32
    rows = [
        [x["a"] if isinstance(x, dict) else x for x, _ in part]
        for part in (splits.train, splits.validation, both.train)
    ]
    assert sorted(float(x[0]) for x in rows[0] + rows[1]) == sorted(float(x[0]) for x in rows[2])
    assert both.test is splits.test
    if splits.counts:
        labels = [int(y) for _, y in both.train]
        assert both.counts == tuple(np.bincount(labels).tolist())


def test_loaders_are_joined_by_their_data_sets() -> None:
    both = joined(load(LOADERS)).train
    assert isinstance(both, DataLoader)
    assert both.batch_size == 5
    first, again = ([float(x[0]) for xs, _ in both for x in xs] for _ in range(2))
    assert sorted(first) == sorted(again) == X[:32, 0].tolist()
    assert first != again  # shuffled, as the training loader


def test_lists_of_batches_are_chained() -> None:
    batches = [(torch.zeros(2, 3), torch.zeros(2))] * 3
    splits = load_unread((batches, batches[:1]), Shares())
    assert len(joined(splits).train) == 4


def test_the_scale_of_numbers_is_that_of_all_their_rows() -> None:
    splits = load((X, AMOUNTS))
    both = joined(splits)
    targets = both.train[:][1].numpy()
    assert both.scale is not None
    assert both.scale != splits.scale
    assert both.scale.mean[0] == pytest.approx(targets.mean())
    assert both.scale.deviation[0] == pytest.approx(targets.std())


@pytest.mark.parametrize(
    "parts",
    [
        (DataLoader(TWO[0], 5, sampler=WeightedRandomSampler([1.0] * 25, 25)), LOADERS[1]),
        (LOADERS[0], [(torch.zeros(2, 3), torch.zeros(2))]),
        (TensorDataset(torch.tensor(X), torch.tensor(Y)), LOADERS[1]),
    ],
    ids=["sampler", "loader and list", "data set and loader"],
)
def test_parts_that_cannot_be_joined_are_refused(parts: Any) -> None:
    splits = load_unread(parts, Shares())
    with pytest.raises(InvalidData, match=r'got .*rows="train"'):
        joined(splits)
