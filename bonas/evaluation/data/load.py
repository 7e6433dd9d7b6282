"""Data for training: load a source of rows and targets, and split it into three parts.

Training rows train a network, validation rows score it during the search, and test rows are held
out for the network that is chosen at the end: they are sealed, and only ``bonas.finalize`` opens
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData, unknown
from bonas.evaluation.data.bundled import TABLES, digits, table
from bonas.evaluation.data.dataset import is_dataset, split_dataset, split_datasets, whole_parts
from bonas.evaluation.data.fashion import fashion_mnist
from bonas.evaluation.data.inputs import Inputs, checked_arguments, main_input
from bonas.evaluation.data.loaders import from_loaders
from bonas.evaluation.data.rows import SupportsNumpy, kind_of, number_array
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Part, Splits, all_tensors, split_tensors
from bonas.evaluation.data.targets import Targets, Task, checked_task
from bonas.evaluation.data.text import split_python_text
from bonas.settings import own_settings
from bonas.spaces.example import mapped

__all__ = ["DataSource", "Folder", "Part", "Splits", "load"]

DataSource = (
    str
    | tuple[npt.ArrayLike | Tensor, npt.ArrayLike | Tensor]
    | tuple[DataLoader[Any], DataLoader[Any]]
    | tuple[Dataset[Any], Dataset[Any]]
    | tuple[Any, Any]  # several inputs, tables of pandas, batches of any kind
    | Dataset[Any]
)
Folder = str | os.PathLike[str]

_NAMED: dict[str, Callable[[Shares], Splits]] = {
    "digits": digits,
    **{name: partial(table, name) for name in TABLES},
    "python-text": split_python_text,
}
_LOCAL: dict[str, Callable[[Shares, Folder | None], Splits]] = {"fashion-mnist": fashion_mnist}


@own_settings()
def load(
    data: DataSource,
    *,
    task: Task | None = None,
    validation: float = 0.2,
    test: float = 0.2,
    seed: int = 0,
    folder: Folder | None = None,
) -> Splits:
    """Split ``data`` into three parts, stratified by class; the seed determines the split.

    Args:
        data: One of

            - ``"digits"`` (1,797 grey images of 8 x 8 pixels), ``"iris"``, ``"wine"``,
              ``"breast-cancer"``, ``"diabetes"`` (tables; the last for regression), all bundled
              with scikit-learn and standardised; ``"python-text"`` (characters of the standard
              library's sources, for language models); ``"fashion-mnist"`` (from local files);
            - a pair of inputs ``n x ...`` and targets. Integer sequences, ``n x length``, are token
              ids and become int64; all other inputs, bytes included, become float32 (complex
              numbers complex64) and are used unchanged. Several inputs are a tuple or a mapping of
              arrays, ``((x1, x2), targets)``; they keep their dtypes;
            - a torch ``Dataset`` of such rows, or of mappings with the targets as ``"labels"``. Its
              targets are its ``targets`` if it has such, else every row is read once;
            - two of these, for training and validation, used as given: no shares, no test part;
            - two ``DataLoader``, for training and validation, used as given.
        task: ``"classification"`` (labels ``n``, ``n x 1``, or per position, as in segmentation,
            ``n x height x width``), ``"multi_label"`` (``n x labels`` of 0 and 1),
            ``"regression"`` (numbers ``n``, ``n x columns`` or ``n x ...``, as of images) or
            ``"next_token"`` (token ids ``n x length``). None infers it from the dtype and shape of
            the targets: floats are a regression, unless they are 0 to ``classes - 1``, two values,
            or a table of 0 and 1.
        validation: Share of the rows for validation.
        test: Share of the rows held out for the end, sealed until ``bonas.finalize``; 0 holds out
            none.
        seed: Seed of the split.
        folder: Folder of the files of ``"fashion-mnist"``. Default: the environment variable
            ``BONAS_DATA``, else the folder of Debian's package ``dataset-fashion-mnist``.

    Raises:
        InvalidArgument: if ``data`` is of another kind or name, or a share is not possible.
        InvalidData: if inputs or targets are not finite, labels are not 0 to ``classes - 1``, or
            there are too few rows to split.
        MissingData: if the files of a named data set do not exist.

    >>> splits = load("digits")
    >>> len(splits.train), len(splits.validation), splits.input_shape, splits.classes
    (1077, 360, (1, 8, 8), 10)
    """
    shares, task = Shares(validation, test, seed), checked_task(task)
    if isinstance(data, str):
        return _named(data, shares, task, folder)
    if type(data) is not TensorDataset and is_dataset(data):
        return split_dataset(data, shares, task)
    x, y = pair_of(data)
    if isinstance(x, DataLoader) and isinstance(y, DataLoader):
        return from_loaders(x, y, task)
    if (two := two_pairs(x, y)) is not None:
        return _from_two(*two, task)
    if is_dataset(x) and is_dataset(y):
        return split_datasets(x, y, task)
    inputs, targets = _checked(x, y, task)
    parts = shares.parts(targets)
    return split_tensors(inputs, targets, parts, _name(inputs, targets))


def _checked(x: object, y: Any, task: Task | None) -> tuple[Inputs, Targets]:
    inputs = checked_arguments(x, len(y) if hasattr(y, "__len__") else None)
    return inputs, Targets.of(y, main_input(inputs), task)


def _name(inputs: Inputs, targets: Targets) -> str:
    return targets.name(tuple(main_input(inputs).shape), *all_tensors(inputs))


def two_pairs(x: object, y: object) -> tuple[tuple[Any, Any], tuple[Any, Any]] | None:
    """Return training and validation rows, each as (inputs, targets) in memory; or None."""
    found = [part.tensors if type(part) is TensorDataset else part for part in (x, y)]
    for part in found:
        if not (isinstance(part, (tuple, list)) and len(part) == 2 and _is_table(part[1])):
            return None
        inputs = part[0]
        sizes = inputs.values() if isinstance(inputs, Mapping) else [inputs]
        if any(_is_table(some) and len(some) != len(part[1]) for some in sizes):
            return None
    return (found[0][0], found[0][1]), (found[1][0], found[1][1])  # type: ignore[index]  # checked


def _is_table(part: object) -> bool:
    """Return whether ``part`` has rows in memory; a list does not count, it may be a row."""
    return isinstance(part, SupportsNumpy) or (
        isinstance(part, (Tensor, np.ndarray)) and bool(np.ndim(part))
    )


def _from_two(train: tuple[Any, Any], validation: tuple[Any, Any], task: Task | None) -> Splits:
    """Use both as given; the classes are those of the two together."""
    rows = [checked_arguments(x, len(y)) for x, y in (train, validation)]
    n, m = (len(main_input(inputs)) for inputs in rows)
    inputs = _joined(rows[0], rows[1])
    together = np.concatenate([number_array(y, "targets") for _, y in (train, validation)])
    targets = Targets.of(together, main_input(inputs), task)
    name = f"{n} and {m} rows, {_name(inputs, targets)}"
    return split_tensors(inputs, targets, whole_parts(n, m), name)


def _joined(first: Inputs, second: Inputs) -> Inputs:
    """Concatenate the rows of both."""
    others = iter(all_tensors(second))
    try:
        joined: Inputs = mapped(lambda tensor: torch.cat([tensor, next(others)]), first)
    except (RuntimeError, StopIteration) as error:
        raise InvalidData(
            "expected inputs of the same names and shapes in both parts, got different ones "
            f"({error}); give both the same arguments"
        ) from error
    return joined


def _named(name: str, shares: Shares, task: Task | None, folder: Folder | None) -> Splits:
    if name in _NAMED:
        splits = _NAMED[name](shares)
    elif name in _LOCAL:
        splits = _LOCAL[name](shares, folder)
    else:
        raise unknown("data set", name, (*_NAMED, *_LOCAL))
    if task not in (None, splits.task):
        raise InvalidArgument(
            f"expected the task {splits.task!r} for the data {name!r}, got {task!r}; leave it out"
        )
    return splits


def pair_of(data: object) -> tuple[Any, Any]:
    """Return the two members of data that are a pair.

    Raises:
        InvalidArgument: if they are not a pair.
    """
    if isinstance(data, TensorDataset):
        data = data.tensors
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise InvalidArgument(
            "expected data as two DataLoaders, two Datasets, a name, a pair (inputs, labels) or a "
            f"torch Dataset, got {kind_of(data)}; give one of these"
        )
    return data[0], data[1]
