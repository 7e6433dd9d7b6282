"""Data that only functions of the user's own read: rows or batches of any kind, in their parts."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from bonas.errors import InvalidArgument
from bonas.evaluation.data.arguments import are_several, checked_arguments, main_input, rows_of
from bonas.evaluation.data.dataset import checked_length, is_dataset
from bonas.evaluation.data.load import DataSource, Folder, load, pair_of, two_pairs
from bonas.evaluation.data.loaders import check_length
from bonas.evaluation.data.rows import as_numpy, told
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Part, Rows, Splits, all_tensors, in_memory
from bonas.evaluation.data.targets import digest


def load_unread(data: DataSource, shares: Shares, folder: Folder | None = None) -> Splits:
    """``data`` in its parts, whatever is in it; nothing is known of its targets.

    Beside what ``bonas.evaluation.load`` takes, two iterables that have a length, such as lists and
    ranges, are the batches of train and validation as they are.

    Raises:
        InvalidArgument: if ``data`` is of another kind.
        InvalidData: if there are too few rows.
    """
    if isinstance(data, str):
        return load(
            data, validation=shares.validation, test=shares.test, seed=shares.seed, folder=folder
        )
    if type(data) is TensorDataset or is_dataset(data):
        n = checked_length(data)
        parts: list[Any] = [Subset(data, rows.tolist()) for rows in shares.of(n)]  # type: ignore[arg-type]  # is_dataset says so
        return _split(parts, f"{n} rows of a {type(data).__name__}")
    x, y = pair_of(data)
    if (two := two_pairs(x, y)) is not None:
        rows = [_in_memory(*part) for part in two]
        return _split([*rows, []], " and ".join(map(_name, rows)))
    if isinstance(x, (Tensor, np.ndarray)) or hasattr(x, "to_numpy") or are_several(x):
        whole = _in_memory(x, y)
        inputs, targets = whole.tensors
        parts = [in_memory(rows_of(inputs, i), targets[i]) for i in shares.of(len(whole))]
        return _split(parts, _name(whole), tuple(main_input(inputs).shape[1:]))
    parts = [_as_it_is(part) for part in (x, y)]
    return _split([*parts, []], " and ".join(f"{len(p)} of a {type(p).__name__}" for p in parts))


def _split(parts: list[Any], name: str, input_shape: tuple[int, ...] = ()) -> Splits:
    train, judged, aside = parts
    test = aside if len(aside) else None
    return Splits(train, judged, test, classes=0, input_shape=input_shape, name=name, task=None)


def _in_memory(x: Any, y: Any) -> TensorDataset | Rows:
    targets = torch.as_tensor(as_numpy(y))
    inputs = checked_arguments(x, len(targets))
    return in_memory(inputs, targets.float() if targets.is_floating_point() else targets)


def _name(rows: TensorDataset | Rows) -> str:
    inputs, targets = rows.tensors
    digests = ", ".join(digest(tensor) for tensor in (targets, *all_tensors(inputs)))
    return f"{len(targets)} rows {digests}"


def _as_it_is(part: object) -> Part:
    """Batches, or rows to be read one by one."""
    if isinstance(part, DataLoader):
        check_length(part)
        return part
    if isinstance(part, Dataset) and not isinstance(part, IterableDataset):
        return Subset(part, range(checked_length(part)))
    if not isinstance(part, Iterable) or not isinstance(part, Sized) or not len(part):
        raise InvalidArgument(
            "expected data as two parts that are DataLoaders, Datasets or batches with a length, "
            f"such as lists, got {told(part)}; give one for training and one for validation"
        )
    return part  # type: ignore[return-value]  # what can be gone through is all that is asked
