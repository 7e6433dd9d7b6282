from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import SealedRows
from bonas.evaluation import Splits, load
from bonas.evaluation.data.sealed import SealedPart, opened
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.unread import load_unread

X, Y = np.arange(80.0).reshape(40, 2), np.arange(40) % 2


@pytest.mark.parametrize(
    "read",
    [
        lambda part: part[0],
        lambda part: part[:],
        list,
        lambda part: part.tensors,
        lambda part: part.dataset,
        lambda part: part.indices,
        lambda part: next(iter(torch.utils.data.DataLoader(part))),
    ],
)
def test_test_rows_cannot_be_read(read: Callable[[Any], object]) -> None:
    with pytest.raises(SealedRows, match=r"8 test rows to stay sealed .* bonas\.finalize"):
        read(load((X, Y)).test)


@pytest.mark.parametrize("splits", [load((X, Y)), load_unread((X, Y), Shares())])
def test_sealed_rows_can_be_counted_copied_and_opened(splits: Splits) -> None:
    assert isinstance(splits.test, SealedPart)
    assert len(splits.test) == 8
    assert repr(splits.test) == "<8 sealed rows>"
    for same in (copy.deepcopy(splits.test), pickle.loads(pickle.dumps(splits.test))):
        assert torch.equal(opened(same)[:][0], opened(splits.test)[:][0])  # type: ignore[index]
    rows = [*splits.train, *splits.validation, *opened(splits.test)]  # type: ignore[misc]
    assert sorted(float(x[0]) for x, _ in rows) == X[:, 0].tolist()
