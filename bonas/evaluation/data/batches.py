"""Batches of a part of the data, on a device and of the types that a training needs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from bonas.evaluation.data.splits import Part, Splits


def batches(
    splits: Splits,
    part: Part,
    size: int,
    device: torch.device,
    shuffler: torch.Generator | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets of ``size`` rows at a time, shuffled if there is a shuffler.

    Inputs are float32, or int64 where they are token ids; targets are int64, or ``batch x columns``
    float64 for regression. A ``DataLoader`` has its own size and order.
    """
    if isinstance(part, TensorDataset):  # whole batches by index: no collecting of single rows
        inputs, targets = part.tensors
        n = len(targets)
        rows = torch.arange(n) if shuffler is None else torch.randperm(n, generator=shuffler)
        for some in torch.split(rows, size):
            yield inputs[some].to(device), targets[some].to(device)
        return
    loader = part
    if not isinstance(loader, DataLoader):
        loader = DataLoader(loader, size, shuffle=shuffler is not None, generator=shuffler)
    for x, y in loader:
        if splits.task == "regression":
            yield x.to(device, splits.input_dtype), y.to(device, torch.float64).reshape(len(y), -1)
        else:
            yield x.to(device, splits.input_dtype), y.to(device, torch.int64)


def steps_of_epoch(part: Part, size: int) -> int:
    """How many batches of more than one row there are, or of a ``DataLoader`` all batches."""
    if isinstance(part, DataLoader):
        return len(part)
    n = len(part)
    return math.ceil(n / size) - (n % size == 1)
