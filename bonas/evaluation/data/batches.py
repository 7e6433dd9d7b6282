"""Batches of a part of the data: as they are, or as typed inputs and targets.

Lists, tuples, mappings and objects with a method ``to`` are moved to the device with their content.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

from bonas.errors import InvalidData
from bonas.evaluation.data.inputs import Inputs, as_tensors, is_structured, rows_of, unpack
from bonas.evaluation.data.language import shift_labels
from bonas.evaluation.data.rows import kind_of
from bonas.evaluation.data.splits import Part, Rows, Splits
from bonas.spaces.example import mapped


@dataclass(frozen=True, eq=False)
class Batches:
    """An iterable over the batches of a part, on a device.

    Attributes:
        part: The data. A ``DataLoader`` or a sequence of batches has its own batch size and order.
        size: Batch size, if the part is read by rows.
        device: Device of the batches.
        shuffler: Generator that shuffles the rows for training; None keeps their order. In
            training, a last batch of a single row is dropped: batch normalisation refuses it.
    """

    part: Part
    size: int
    device: torch.device
    shuffler: torch.Generator | None = None

    def __len__(self) -> int:
        if isinstance(self.part, DataLoader) or not isinstance(self.part, Dataset):
            return len(self.part)
        n = len(self.part)
        single = self.shuffler is not None and n % self.size == 1
        return math.ceil(n / self.size) - single

    def __iter__(self) -> Iterator[Any]:
        n = len(self)
        for i, batch in enumerate(self._all()):  # to the end, which may draw from the shuffler
            if i < n:
                yield moved(batch, self.device)

    def _all(self) -> Iterator[Any]:
        """Yield all batches, on the device of the data."""
        part, shuffler = self.part, self.shuffler
        if isinstance(part, (TensorDataset, Rows)):  # by index: no collating of rows
            inputs, targets = part.tensors
            n = len(targets)
            rows = torch.arange(n) if shuffler is None else torch.randperm(n, generator=shuffler)
            for some in torch.split(rows, self.size):
                yield rows_of(inputs, some), targets[some]
        elif isinstance(part, DataLoader) or not isinstance(part, Dataset):
            yield from part
        else:
            yield from DataLoader(
                part, self.size, shuffle=shuffler is not None, generator=shuffler, collate_fn=_batch
            )


def pairs(batches: Batches, splits: Splits) -> Iterator[tuple[Inputs, Tensor]]:
    """Yield the inputs and targets of each batch.

    A single input is float32 (complex64), or int64 if it holds token ids; several inputs keep their
    dtypes. The table in ``bonas.evaluation.data.targets`` lists the dtypes of targets.
    """
    for batch in batches:
        yield inputs_and_targets(batch, splits)


def inputs_and_targets(batch: Any, splits: Splits) -> tuple[Inputs, Tensor]:
    """Return the inputs and targets of one batch, on its device."""
    x, y = unpack(batch, "batches (inputs, targets)")
    if is_structured(x):
        inputs = as_tensors(x)
    else:
        inputs = torch.as_tensor(x)
        inputs = inputs if inputs.is_complex() else inputs.to(splits.input_dtype)
    targets = torch.as_tensor(y)
    return inputs, _cast_targets(shift_labels(targets) if splits.shifted else targets, splits)


def as_given(targets: Tensor, splits: Splits) -> Tensor:
    """Return the targets of a batch in the user's shape; float32 if they were given as floats."""
    kind = torch.float32 if splits.target_floats else targets.dtype
    return targets.to(kind).reshape(len(targets), *splits.target_shape)


def moved(batch: Any, device: torch.device) -> Any:
    """Return a batch with all its content on the device."""
    if isinstance(batch, (Tensor, tuple, list, Mapping)):
        return mapped(lambda tensor: _put(tensor, device), batch)
    move = getattr(batch, "to", None)
    return move(device) if callable(move) else batch


def _put(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "mps" and tensor.dtype == torch.float64:  # MPS has no float64
        tensor = tensor.float()
    return tensor.to(device)


def _cast_targets(targets: Tensor, splits: Splits) -> Tensor:
    n, task = len(targets), splits.task
    if task == "multi_label":
        return targets.to(torch.float32)
    if task == "regression":
        if len(splits.target_shape) > 1:
            return targets.to(torch.float32)
        kind = torch.float32 if targets.device.type == "mps" else torch.float64
        return targets.to(kind).reshape(n, -1)
    labels = targets.to(torch.int64)
    if labels.dim() == 2 and splits.target_shape == (1,):
        return labels[:, 0]
    one = labels.dim() > 2 and splits.target_shape[:1] == (1,) and labels.shape[1] == 1
    return labels[:, 0] if one else labels


def _batch(rows: list[Any]) -> Any:
    """Collate rows into a batch; lists of numbers count as arrays."""
    try:
        return default_collate([_with_arrays(row) for row in rows])
    except (TypeError, RuntimeError) as error:
        raise InvalidData(
            f"expected rows that can be collated, got {kind_of(rows[0])} and others that differ "
            f"({error}); give a DataLoader with your own collate_fn"
        ) from error


def _with_arrays(row: Any) -> Any:
    if isinstance(row, Mapping):
        return {name: _with_arrays(part) for name, part in row.items()}
    if isinstance(row, tuple):
        return tuple(_with_arrays(part) for part in row)
    if isinstance(row, list) and row and not is_structured(row):
        array = np.asarray(row)
        return torch.from_numpy(array) if array.dtype.kind in "biuf" else row
    return row
