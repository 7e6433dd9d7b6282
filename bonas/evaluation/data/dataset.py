"""A torch ``Dataset`` in three parts, which are read row by row."""

from __future__ import annotations

from collections.abc import Sized
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, Subset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.data.rows import are_tokens, checked_inputs, number_array, told
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Splits, assembled
from bonas.evaluation.data.targets import Targets, Task


def split_dataset(data: Dataset[Any], shares: Shares, task: Task | None) -> Splits:
    """The parts of a data set as lists of indices.

    Raises:
        InvalidArgument: if it has no length or no rows.
        InvalidData: if a row is not a pair of an input and a target that can be used.
    """
    if isinstance(data, IterableDataset) or not isinstance(data, Sized) or len(data) == 0:
        raise InvalidArgument(
            f"expected a Dataset of at least one row, with a length and an index, got "
            f"{told(data)}; give it __len__ and __getitem__"
        )
    inputs = _inputs(data, len(data))
    given, told_task = _targets(data, len(data), task)
    targets = Targets.of(given, inputs, told_task)
    parts = shares.parts(targets)
    train, judged, aside = (Subset(data, rows.tolist()) for rows in parts)
    return assembled(
        (train, judged, aside if len(aside) else None),
        targets,
        targets.values[parts[0]],
        inputs,
        targets.name(tuple(inputs.shape), None if inputs.is_floating_point() else inputs),
    )


def _inputs(data: Dataset[Any], n: int) -> Tensor:
    """``n x ...``: all the inputs where these are token ids, else their shape over no memory."""
    first = _row(data, 0)[0]
    if are_tokens(first.ndim, first.is_floating_point(), first.dtype.itemsize):
        return checked_inputs([_row(data, index)[0].tolist() for index in range(n)])
    return torch.zeros(()).expand(n, *first.shape)


def _row(data: Dataset[Any], index: int) -> tuple[Tensor, Any]:
    """One row of a data set, its input checked."""
    row: object = data[index]
    if not (isinstance(row, (tuple, list)) and len(row) == 2):
        raise InvalidData(
            f"expected rows (input, label) of {type(data).__name__}, got {told(row)} at index "
            f"{index}; return a pair from __getitem__"
        )
    x, y = row
    if not isinstance(x, (Tensor, np.ndarray)) or x.ndim == 0:
        raise InvalidData(
            f"expected a tensor or an array as the input at index {index}, got {told(x)}; "
            "add a transform that makes one, such as torchvision's ToTensor"
        )
    return torch.as_tensor(x), y


def _targets(data: Dataset[Any], n: int, task: Task | None) -> tuple[object, Task | None]:
    """The targets of a data set and the task, where they tell it.

    They are its ``targets`` where these are what its rows give, else each row is read.
    """
    targets: object = getattr(data, "targets", None)
    transformed = getattr(data, "target_transform", None) is not None
    if isinstance(targets, Sized) and len(targets) == n and not transformed:
        return targets, task
    first = _row(data, 0)[1]
    if isinstance(first, (Tensor, np.ndarray)) and first.ndim:
        return [number_array(_row(data, i)[1], "targets") for i in range(n)], task
    whole = isinstance(first, Integral) or (
        isinstance(first, (Tensor, np.ndarray)) and number_array(first, "labels").dtype.kind in "iu"
    )
    numbers = [_number(_row(data, index)[1], index, task) for index in range(n)]
    return numbers, "classification" if task is None and whole else task


def _number(target: object, index: int, task: Task | None) -> float:
    if isinstance(target, (Tensor, np.ndarray)) and target.ndim == 0:
        target = target.item()
    if isinstance(target, Real):
        return float(target)
    if task == "regression":
        raise InvalidData(
            f"expected a number as the target at index {index}, got {told(target)}; "
            "return a float or an array of them"
        )
    raise InvalidData(
        f"expected a whole number as the label at index {index}, got {told(target)}; "
        "number the classes from 0"
    )
