"""Data sets of torch, read row by row: one split into three parts, or two used as given."""

from __future__ import annotations

from collections.abc import Callable, Sized
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.data.inputs import Inputs, as_tensors, is_structured, main_input, unpack
from bonas.evaluation.data.language import are_input_ids, shift_labels
from bonas.evaluation.data.rows import (
    Integers,
    SupportsNumpy,
    are_tokens,
    as_numpy,
    checked_inputs,
    kind_of,
    number_array,
)
from bonas.evaluation.data.shares import Parts, Shares
from bonas.evaluation.data.splits import Splits, assemble
from bonas.evaluation.data.targets import Targets, Task


def is_dataset(data: object) -> TypeGuard[Dataset[Any]]:
    """Return whether ``data`` is indexed by row, as data sets of torch and Hugging Face are."""
    if isinstance(data, Dataset):
        return True
    own = (str, tuple, list, dict, range, np.ndarray, Tensor)
    rows = hasattr(data, "__getitem__") and isinstance(data, Sized)
    return rows and not isinstance(data, own) and not isinstance(data, SupportsNumpy)


def split_dataset(data: Dataset[Any], shares: Shares, task: Task | None) -> Splits:
    """Split a data set into parts, which are lists of indices.

    Raises:
        InvalidArgument: if it has no length or no rows.
        InvalidData: if a row is not a valid pair of input and target.
    """
    return _split(data, shares.parts, task, "")


def split_datasets(train: Dataset[Any], validation: Dataset[Any], task: Task | None) -> Splits:
    """Use one data set for training and one for validation; there is no test part.

    Raises:
        InvalidArgument: if one has no length or no rows.
        InvalidData: if a row is not a valid pair of input and target.
    """
    n, m = checked_length(train), checked_length(validation)
    both = _Joined(train, validation)
    return _split(both, lambda _: whole_parts(n, m), task, f"{n} and {m} rows, ")


def whole_parts(n: int, m: int) -> Parts:
    """Return the rows of each part: the first ``n`` for training, the last ``m`` for validation."""
    rows: Integers = np.arange(n + m)
    return rows[:n], rows[n:], rows[:0]


def checked_length(data: object) -> int:
    """Return the number of rows of a data set.

    Raises:
        InvalidArgument: if it has no length, or no rows.
    """
    if isinstance(data, IterableDataset) or not isinstance(data, Sized) or len(data) == 0:
        raise InvalidArgument(
            f"expected a Dataset of at least one row, with a length and an index, got "
            f"{kind_of(data)}; give it __len__ and __getitem__"
        )
    return len(data)


class _Joined(Dataset[Any]):
    """The rows of two data sets, concatenated."""

    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second
        targets = [_listed_targets(part, len(part)) for part in (first, second)]
        if all(part is not None for part in targets):
            self.targets = np.concatenate([number_array(part, "targets") for part in targets])

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, index: int) -> Any:
        n = len(self.first)
        return self.first[index] if index < n else self.second[index - n]


def _split(
    data: Dataset[Any], cut: Callable[[Targets], Parts], task: Task | None, prefix: str
) -> Splits:
    n = checked_length(data)
    inputs = _inputs(data, n)
    given, known_task, shifted = _targets(data, n, task)
    main = main_input(inputs)
    targets = Targets.of(given, main, known_task)
    parts = cut(targets)
    train, validation, test = (Subset(data, rows.tolist()) for rows in parts)
    read = () if main.is_floating_point() or main.is_complex() else (main,)
    return assemble(
        (train, validation, test if len(test) else None),
        targets,
        targets.values[parts[0]],
        inputs,
        prefix + targets.name(tuple(main.shape), *read),
        shifted=shifted,
    )


def _inputs(data: Dataset[Any], n: int) -> Inputs:
    """Return ``n x ...`` inputs: all of them if token ids, else zeros that take no memory."""
    row = _row(data, 0)[0]
    first = main_input(row)
    numbers = first.is_floating_point() or first.is_complex()
    if are_tokens(first.ndim, numbers, first.dtype.itemsize):
        return checked_inputs([main_input(_row(data, index)[0]).tolist() for index in range(n)])
    kind = torch.complex64 if first.is_complex() else torch.float32
    return torch.zeros((), dtype=kind).expand(n, *first.shape)


def _row(data: Dataset[Any], index: int) -> tuple[Inputs, Any]:
    """Return one row of a data set, its input checked."""
    row: object = data[index]
    if not isinstance(row, (tuple, list, dict)) or (len(row) != 2 and not isinstance(row, dict)):
        raise InvalidData(
            f"expected rows (input, label) of {type(data).__name__}, got {kind_of(row)} at index "
            f"{index}; return a pair, ((x1, x2), label) or a mapping with 'labels' from __getitem__"
        )
    x, y = unpack(row, f"rows (input, label) of {type(data).__name__}")
    if is_structured(x):
        return as_tensors(x), y
    if not isinstance(x, (Tensor, np.ndarray)) or x.ndim == 0:
        raise InvalidData(
            f"expected a tensor or an array as the input at index {index}, got {kind_of(x)}; "
            "add a transform that makes one, such as torchvision's ToTensor"
        )
    return torch.as_tensor(x), y


def _listed_targets(data: Any, n: int) -> Any:
    """Return ``data.targets``, which data sets of torchvision have; None if there are none.

    They are ignored if a transform applies to the targets of rows.
    """
    if type(data) is TensorDataset and len(data.tensors) == 2:
        return data.tensors[1]
    targets: object = getattr(data, "targets", None)
    transformed = getattr(data, "target_transform", None) is not None
    return targets if isinstance(targets, Sized) and len(targets) == n and not transformed else None


def _targets(data: Dataset[Any], n: int, task: Task | None) -> tuple[object, Task | None, bool]:
    """Return the targets of a data set, the task if they imply one, and whether to shift them."""
    targets = _listed_targets(data, n)
    if targets is not None:
        return targets, task, False
    row, first = _row(data, 0)
    if not np.ndim(as_numpy(first)) or isinstance(first, str):
        whole = isinstance(first, Integral) or (
            isinstance(first, (Tensor, np.ndarray))
            and number_array(first, "labels").dtype.kind in "iu"
        )
        numbers = [_number(_row(data, index)[1], index, task) for index in range(n)]
        return numbers, "classification" if task is None and whole else task, False
    arrays = [_array(_row(data, index)[1], index, task) for index in range(n)]
    if are_input_ids(row, first):
        return [shift_labels(torch.as_tensor(array)).numpy() for array in arrays], task, True
    return arrays, task, False


def _array(target: object, index: int, task: Task | None) -> Any:
    if np.ndim(as_numpy(target)) == 0:
        return _number(target, index, task)
    return number_array(target, "targets")


def _number(target: object, index: int, task: Task | None) -> float:
    if isinstance(target, (Tensor, np.ndarray)) and target.ndim == 0:
        target = target.item()
    if isinstance(target, Real):
        return float(target)
    if task == "regression":
        raise InvalidData(
            f"expected a number as the target at index {index}, got {kind_of(target)}; "
            "return a float or an array of them"
        )
    raise InvalidData(
        f"expected a whole number as the label at index {index}, got {kind_of(target)}; "
        "number the classes from 0"
    )
