"""Facts about test rows that are given apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from bonas.errors import BonasError
from bonas.evaluation import load
from bonas.evaluation.data.held_out import held_out

X = np.arange(80.0).reshape(40, 2)
Y = np.arange(40) % 3
SPLITS = load((X, Y), test=0.0)
NUMBERS = load((X, X * 0.5), test=0.0)


def test_rows_may_lack_a_class() -> None:
    part, name = held_out((X[:4], [0, 1, 1, 0]), SPLITS)
    assert len(part) == 4
    assert part[:][1].tolist() == [0, 1, 1, 0]  # type: ignore[index]
    assert name.startswith("4 rows ")
    assert name != held_out((X[:4], [0, 1, 1, 1]), SPLITS)[1]


def test_numbers_keep_their_columns() -> None:
    part, _ = held_out((X[:4], X[:4] * 0.5), NUMBERS)
    assert part[:][1].dtype == torch.float64  # type: ignore[index]


def test_data_sets_and_loaders_are_taken() -> None:
    rows = [(torch.zeros(2), 1)] * 5
    assert len(held_out(DataLoader(rows, batch_size=2), SPLITS)[0]) == 3  # type: ignore[arg-type]
    tensors = TensorDataset(torch.tensor(X), torch.tensor(Y))
    assert len(held_out(tensors, SPLITS)[0]) == 40


@pytest.mark.parametrize(
    ("data", "splits", "message"),
    [
        ((X[:, :1], Y), SPLITS, r"shape n x \(2,\), as in the search, got \(40, 1\)"),
        ((X, Y + 1), SPLITS, r"labels from 0 to 2, as in the search, got \[1, 2, 3\]"),
        ((X, Y - 0.5), SPLITS, "labels from 0 to 2"),
        ((X, Y[:9]), SPLITS, "got 40 rows and 9 targets"),
        ((X, X[:, :1]), NUMBERS, r"expected 2 numbers per test row, got .*\(40, 1\)"),
        ((np.full((3, 2), np.nan), [0, 1, 2]), SPLITS, "finite"),
        (5, SPLITS, "got the int 5"),
    ],
)
def test_rows_of_another_kind_are_refused(data: Any, splits: Any, message: str) -> None:
    with pytest.raises(BonasError, match=message):
        held_out(data, splits)
