"""Data that only the user's own functions read: rows or batches of any kind, split into parts."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.data.dataset import checked_length, is_dataset
from bonas.evaluation.data.inputs import checked_arguments, is_structured, main_input, rows_of
from bonas.evaluation.data.load import DataSource, Folder, load, pair_of, two_pairs
from bonas.evaluation.data.loaders import check_length
from bonas.evaluation.data.rows import SupportsNumpy, as_numpy, kind_of, number_array
from bonas.evaluation.data.sealed import SealedPart
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Part, Rows, Splits, all_tensors, in_memory
from bonas.evaluation.data.targets import digest

_LISTS = (tuple, list)


def load_unread(data: DataSource, shares: Shares, folder: Folder | None = None) -> Splits:
    """Split ``data`` into its parts, whatever it holds; nothing is known of its targets.

    Besides what ``bonas.evaluation.load`` takes, two iterables with a length, such as lists and
    ranges, are the batches for training and validation, used as given. Two lists of two arrays of
    one length are read as pairs of inputs and targets.

    Raises:
        InvalidArgument: if ``data`` is of another kind.
        InvalidData: if there are too few rows, or not one target per row.
    """
    if isinstance(data, str):
        return load(
            data, validation=shares.validation, test=shares.test, seed=shares.seed, folder=folder
        )
    if type(data) is TensorDataset or is_dataset(data):
        n = checked_length(data)
        parts: list[Any] = [Subset(data, rows.tolist()) for rows in shares.of(n)]
        return _split(parts, f"{n} rows of a {type(data).__name__}")
    x, y = pair_of(data)
    if (two := two_pairs(x, y)) is not None:
        rows = [_in_memory(*part) for part in two]
        return _split([*rows, []], " and ".join(map(_name, rows)))
    if _are_rows(x, y):
        whole = _in_memory(x, y)
        inputs, targets = whole.tensors
        parts = [in_memory(rows_of(inputs, i), targets[i]) for i in shares.of(len(whole))]
        return _split(parts, _name(whole), tuple(main_input(inputs).shape[1:]))
    parts = [_checked_part(part) for part in (x, y)]
    return _split([*parts, []], " and ".join(f"{len(p)} of a {type(p).__name__}" for p in parts))


def _split(parts: list[Any], name: str, input_shape: tuple[int, ...] = ()) -> Splits:
    train, validation, held_out = parts
    test = SealedPart(held_out) if len(held_out) else None
    return Splits(train, validation, test, classes=0, input_shape=input_shape, name=name, task=None)


def _are_rows(x: object, y: object) -> bool:
    """Return whether ``x`` and ``y`` are inputs and targets in memory, not two lists of batches.

    Two lists of arrays are batches if the targets are tensors, which would be a single one for
    rows, or if the lists cannot be one input per target or several inputs with one row per target.
    """
    if isinstance(x, (Tensor, np.ndarray, SupportsNumpy)):
        return True
    if not is_structured(x):
        return False
    if not (isinstance(x, _LISTS) and isinstance(y, _LISTS) and is_structured(y)):
        return True
    if isinstance(y[0], Tensor):
        return False
    return len(x) == len(y) or all(len(one) == len(y) for one in x)


def _in_memory(x: Any, y: Any) -> TensorDataset | Rows:
    targets = _as_tensor(y)
    n = len(targets) if targets.dim() else 0
    inputs = checked_arguments(x, n)
    rows = len(main_input(inputs))
    if rows != n:
        raise InvalidData(
            f"expected one target per row of the inputs, got {rows} rows and {n} targets; give "
            "each row its target"
        )
    return in_memory(inputs, targets.float() if targets.is_floating_point() else targets)


def _as_tensor(y: Any) -> Tensor:
    """Return targets as a tensor.

    Raises:
        InvalidData: if they are not numeric, or ragged.
    """
    values = as_numpy(y)
    with suppress(TypeError, ValueError, RuntimeError):
        if not is_structured(values):
            return torch.as_tensor(values)
    return torch.as_tensor(number_array(values, "targets"))  # NumPy joins lists of tensors, too


def _name(rows: TensorDataset | Rows) -> str:
    inputs, targets = rows.tensors
    digests = ", ".join(digest(tensor) for tensor in (targets, *all_tensors(inputs)))
    return f"{len(targets)} rows {digests}"


def _checked_part(part: object) -> Part:
    """Return batches, or a data set as rows that are read one by one.

    Raises:
        InvalidArgument: if ``part`` has no length, or is empty.
    """
    if isinstance(part, DataLoader):
        check_length(part)
        return part
    if isinstance(part, Dataset) and not isinstance(part, IterableDataset):
        return Subset(part, range(checked_length(part)))
    if not isinstance(part, Iterable) or not isinstance(part, Sized) or not len(part):
        raise InvalidArgument(
            "expected data as two parts that are DataLoaders, Datasets or batches with a length, "
            f"such as lists, got {kind_of(part)}; give one for training and one for validation"
        )
    return part  # type: ignore[return-value]  # any iterable of batches will do
