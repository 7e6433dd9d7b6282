"""Two halves of the training rows: one trains weights, the other logits.

The validation rows of a search are left alone: they judge what a gradient search proposes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from bonas.errors import InvalidData
from bonas.evaluation.data.inputs import rows_of
from bonas.evaluation.data.splits import Part, Rows

_LEAST = 4  # rows: batch norm needs two in each half


def halves(part: Part, generator: torch.Generator) -> tuple[Part, Part]:
    """Split rows at random into two parts of equal size, give or take a row.

    Batches that are no rows of a data set, such as a list of batches, are taken in turns, in their
    order.

    Raises:
        InvalidData: for fewer than four rows, or two batches.
    """
    if isinstance(part, DataLoader) and _is_of_rows(part):
        both = _of_rows(part.dataset, generator)
        return _like(part, both[0], generator), _like(part, both[1], generator)
    if isinstance(part, DataLoader) or not isinstance(part, Dataset):
        if len(part) < 2:
            raise InvalidData(f"expected at least two batches of training rows, got {len(part)}")
        return _Alternate(part, 0), _Alternate(part, 1)
    return _of_rows(part, generator)


def _of_rows(part: Any, generator: torch.Generator) -> tuple[Part, Part]:
    n = len(part)
    if n < _LEAST:
        raise InvalidData(f"expected at least {_LEAST} training rows to split in halves, got {n}")
    order = torch.randperm(n, generator=generator)
    first, second = (_chosen(part, rows.sort().values) for rows in order.tensor_split(2))
    return first, second


def _chosen(part: Any, rows: torch.Tensor) -> Part:
    if isinstance(part, TensorDataset):
        return TensorDataset(*(tensor[rows] for tensor in part.tensors))
    if isinstance(part, Rows):
        inputs, targets = part.tensors
        return Rows(rows_of(inputs, rows), targets[rows])
    return Subset(part, rows.tolist())


def _is_of_rows(loader: DataLoader[Any]) -> bool:
    """Return whether a loader forms batches of single rows itself."""
    return loader.batch_size is not None and not isinstance(loader.dataset, IterableDataset)


def _like(loader: DataLoader[Any], part: Any, generator: torch.Generator) -> DataLoader[Any]:
    """Return a loader of other rows, shuffled."""
    return DataLoader(
        part,
        loader.batch_size,
        shuffle=True,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers,
        drop_last=loader.drop_last and len(part) >= (loader.batch_size or 1),
        generator=generator,
    )


class _Alternate(Sequence[Any]):
    """Every second batch; each reading reads them anew."""

    def __init__(self, part: Any, start: int) -> None:
        self._part, self._start = part, start

    def __len__(self) -> int:
        return (len(self._part) - self._start + 1) // 2

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self._part), self._start, None, 2)

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]
