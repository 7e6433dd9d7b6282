"""Batches of a part of the data: as they are, or as inputs and targets of the types of a training.

Batches that are lists, tuples, mappings or objects with ``to`` are moved to the device with all
that is in them.
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
from bonas.evaluation.data.arguments import Inputs, are_several, parted, rows_of, typed
from bonas.evaluation.data.language import next_ids
from bonas.evaluation.data.rows import told
from bonas.evaluation.data.splits import Part, Rows, Splits
from bonas.spaces.example import mapped


@dataclass(frozen=True, eq=False)
class Batches:
    """The batches of a part, on a device; each time it is gone through they are made anew.

    Attributes:
        part: A ``DataLoader``, or a sequence of batches, has its own sizes and order.
        size: Rows in a batch, of what is read by rows.
        device: Where the batches go.
        shuffler: What shuffles the rows of a training; None leaves them in order. A training
            leaves out a last batch of a single row, which no batch norm could take.
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
        for i, batch in enumerate(self._whole()):  # to its end, where a shuffler is drawn from
            if i < n:
                yield moved(batch, self.device)

    def _whole(self) -> Iterator[Any]:
        part, shuffler = self.part, self.shuffler
        if isinstance(part, (TensorDataset, Rows)):  # by index: no collecting of single rows
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
    """Inputs and targets of each batch.

    Inputs of one argument are float32 (complex64), or int64 where they are token ids; those of
    several keep their types. Targets are as the table of ``bonas.evaluation.data.targets`` says.
    """
    for batch in batches:
        yield inputs_and_targets(batch, splits)


def inputs_and_targets(batch: Any, splits: Splits) -> tuple[Inputs, Tensor]:
    """The two of one batch, on its device."""
    x, y = parted(batch, "batches (inputs, targets)")
    if are_several(x):
        inputs = typed(x)
    else:
        inputs = torch.as_tensor(x)
        inputs = inputs if inputs.is_complex() else inputs.to(splits.input_dtype)
    targets = torch.as_tensor(y)
    return inputs, _typed_targets(next_ids(targets) if splits.shifted else targets, splits)


def as_given(targets: Tensor, splits: Splits) -> Tensor:
    """Targets of a batch in the shape in which they were given; float32 where they were floats."""
    kind = torch.float32 if splits.target_floats else targets.dtype
    return targets.to(kind).reshape(len(targets), *splits.target_shape)


def moved(batch: Any, device: torch.device) -> Any:
    """A batch with all that is in it on the device."""
    if isinstance(batch, (Tensor, tuple, list, Mapping)):
        return mapped(lambda tensor: _put(tensor, device), batch)
    move = getattr(batch, "to", None)
    return move(device) if callable(move) else batch


def _put(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "mps" and tensor.dtype == torch.float64:  # which that device does not have
        tensor = tensor.float()
    return tensor.to(device)


def _typed_targets(targets: Tensor, splits: Splits) -> Tensor:
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
    """A batch of rows, in which lists of numbers count as arrays."""
    try:
        return default_collate([_with_arrays(row) for row in rows])
    except (TypeError, RuntimeError) as error:
        raise InvalidData(
            f"expected rows that make a batch, got {told(rows[0])} and others that do not "
            f"({error}); give a DataLoader with a collate_fn of your own"
        ) from error


def _with_arrays(row: Any) -> Any:
    if isinstance(row, Mapping):
        return {name: _with_arrays(part) for name, part in row.items()}
    if isinstance(row, tuple):
        return tuple(_with_arrays(part) for part in row)
    if isinstance(row, list) and row and not are_several(row):
        array = np.asarray(row)
        return torch.from_numpy(array) if array.dtype.kind in "biuf" else row
    return row
