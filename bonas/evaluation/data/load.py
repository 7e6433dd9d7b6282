"""Data for training: one source of rows and their targets, in three parts.

The training rows train a network, the validation rows judge it during the search, and the test rows
are kept aside for the network that is chosen at the end: no evaluation reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy.typing as npt
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.data.bundled import TABLES, digits, table
from bonas.evaluation.data.dataset import split_dataset
from bonas.evaluation.data.fashion import fashion_mnist
from bonas.evaluation.data.loaders import from_loaders
from bonas.evaluation.data.rows import checked_inputs, told
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Part, Splits, split_tensors
from bonas.evaluation.data.targets import Targets, Task, checked_task
from bonas.evaluation.data.text import split_python_text
from bonas.settings import own_settings

__all__ = ["DataSource", "Folder", "Part", "Splits", "load"]

DataSource = (
    str
    | tuple[npt.ArrayLike | Tensor, npt.ArrayLike | Tensor]
    | tuple[DataLoader[Any], DataLoader[Any]]
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
    """``data`` in three parts; a seed gives one split, with the classes in the same shares.

    Args:
        data: One of

            - ``"digits"`` (1,797 grey images of 8 x 8 pixels), ``"iris"``, ``"wine"``,
              ``"breast-cancer"``, ``"diabetes"`` (tables; the last for regression), all bundled
              with scikit-learn and standardised; ``"python-text"`` (characters of the standard
              library's sources, for language models); ``"fashion-mnist"`` (from local files);
            - a pair of inputs ``n x ...`` and targets. Sequences of whole numbers, ``n x length``,
              are token ids and become int64; all other inputs, bytes among them, become float32
              and are otherwise taken as they are;
            - a torch ``Dataset`` of such rows. Its targets are its ``targets`` if it has them,
              else every row is read once;
            - two ``DataLoader``, of train and validation, used as they are: no shares, no test.
        task: ``"classification"`` (labels ``n``), ``"regression"`` (numbers ``n`` or
            ``n x columns``) or ``"next_token"`` (token ids ``n x length``); None takes what the
            targets' type and shape tell. Floats are a regression, unless they are 0 to
            ``classes - 1``, of two values, or one-hot.
        validation: Share of the rows for validation.
        test: Share of the rows kept for the end; 0 keeps none.
        seed: Which of the possible splits.
        folder: Where the files of ``"fashion-mnist"`` are; by default the environment variable
            ``BONAS_DATA`` tells, or Debian's package ``dataset-fashion-mnist`` has them.

    Raises:
        InvalidArgument: if ``data`` is of another kind or name, or a share is not possible.
        InvalidData: if inputs or targets are not finite, labels are not 0 to ``classes - 1``, or
            there are too few rows to split.
        MissingData: if the files of a named set are not there.

    >>> splits = load("digits")
    >>> len(splits.train), len(splits.validation), splits.input_shape, splits.classes
    (1077, 360, (1, 8, 8), 10)
    """
    shares, task = Shares(validation, test, seed), checked_task(task)
    if isinstance(data, str):
        return _named(data, shares, task, folder)
    if isinstance(data, Dataset) and type(data) is not TensorDataset:
        return split_dataset(data, shares, task)
    x, y = _pair(data)
    if isinstance(x, DataLoader) and isinstance(y, DataLoader):
        return from_loaders(x, y, task)
    inputs = checked_inputs(x)
    targets = Targets.of(y, inputs, task)
    name = targets.name(tuple(inputs.shape), inputs)
    return split_tensors(inputs, targets, shares.parts(targets), name)


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


def _pair(data: object) -> tuple[Any, Any]:
    if isinstance(data, TensorDataset):
        data = data.tensors
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise InvalidArgument(
            "expected data as two DataLoaders, a name, a pair (inputs, labels) or a torch Dataset, "
            f"got {told(data)}; give one of the four"
        )
    return data[0], data[1]
