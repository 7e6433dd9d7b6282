"""Targets: what a network predicts for each row, and the task that follows.

| task | targets | type | outputs of a network |
|---|---|---|---|
| classification | ``n`` labels 0 to ``classes - 1`` | int64 | ``batch x classes`` |
| | ``n x ...`` labels, one per position | int64 | ``batch x classes x ...`` |
| multi_label | ``n x labels``, 1 for what holds, else 0 | float32 | ``batch x labels`` |
| regression | ``n`` or ``n x columns`` numbers | float64 | ``batch x columns`` |
| | ``n x ...`` numbers, as of an image | float32 | ``batch x ...`` |
| next_token | ``n x length`` token ids, one per input | int64 | ``batch x length x classes`` |

A label of a position, or a token id, that is ``IGNORE_INDEX`` is ignored everywhere. Networks may
have the classes of positions on the last axis, too. A column of labels, ``n x 1``, is ``n`` labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from bonas.errors import InvalidData, unknown
from bonas.evaluation.data.rows import Numbers, check_finite, number_array

Task = Literal["classification", "regression", "next_token", "multi_label"]
TASKS: tuple[Task, ...] = get_args(Task)
IGNORE_INDEX = -100
"""A label that is unknown or irrelevant: the ``ignore_index`` of torch's losses."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of all rows, checked.

    Attributes:
        task: The task that they define.
        values: See the table at the head of the module; ``n`` numbers are ``n x 1``.
        classes: Upper bound of labels and token ids, exclusive; 0 for regression.
        shape: Shape of the target of one row, as it was given.
        floats: Whether they were given as floats.
    """

    task: Task
    values: Tensor
    classes: int
    shape: tuple[int, ...] = ()
    floats: bool = False

    @classmethod
    def of(cls, y: object, inputs: Tensor, task: Task | None = None) -> Targets:
        """Return the targets ``y`` for ``n x ...`` ``inputs``; a task of None is inferred.

        Raises:
            InvalidData: if they do not fit each other or the task.
        """
        array = number_array(y, "labels" if task is None else "targets")
        task = task or inferred_task(array, inputs)
        if task == "classification":
            found = cls.labels(array)
        elif task == "multi_label":
            found = cls.multi_labels(array)
        elif task == "regression":
            found = cls.numbers(array)
        else:
            found = cls.tokens(array, inputs)
        if len(array) != len(inputs):
            what = "labels" if task == "classification" else "targets"
            raise InvalidData(
                f"expected as many {what} as inputs, got {len(inputs)} inputs and {len(array)} "
                f"{what}; give one {what[:-1]} for each row"
            )
        return found

    @classmethod
    def labels(cls, array: Numbers) -> Targets:
        """Return ``n`` labels 0 to ``classes - 1``, all of which occur, or ``n x ...`` labels."""
        values = _without_column(array)
        if values.ndim > 1:
            return cls._labels_of_positions(array)
        if not values.ndim:
            raise InvalidData(f"expected labels of shape n, got the number {array}; give a list")
        present = np.unique(values)
        if not np.array_equal(present, np.arange(len(present))):
            raise InvalidData(
                f"expected labels 0 to classes - 1, each at least once, got {_listed(present)}; "
                "renumber them, as in numpy.unique(labels, return_inverse=True)[1], or give "
                "task='regression' if they are amounts"
            )
        if len(present) < 2:
            raise InvalidData(
                f"expected labels of at least 2 classes, got {_listed(present)}; "
                "add rows of another class"
            )
        labels = torch.from_numpy(values.astype(np.int64))
        return cls("classification", labels, len(present), array.shape[1:], _floats(array))

    @classmethod
    def _labels_of_positions(cls, array: Numbers) -> Targets:
        if _is_one_hot(array):
            raise InvalidData(
                f"expected labels of shape n, got shape {array.shape}; give one whole number per "
                "row, as in labels.argmax(1) for a one-hot table"
            )
        values = array[:, 0] if array.ndim > 2 and array.shape[1] == 1 else array
        known = values[values != IGNORE_INDEX]
        if not np.array_equal(known, np.floor(known)) or (known < 0).any() or not known.any():
            raise InvalidData(
                f"expected whole numbers from 0 as labels of positions, of at least 2 classes, or "
                f"{IGNORE_INDEX} for none, got {_listed(np.unique(array))}; number the classes "
                "from 0, or give task='regression' if they are amounts"
            )
        labels, classes = torch.from_numpy(values.astype(np.int64)), 1 + int(known.max())
        return cls("classification", labels, classes, array.shape[1:], _floats(array))

    @classmethod
    def multi_labels(cls, array: Numbers) -> Targets:
        """Return ``n x labels`` of 0 and 1: which of the labels hold."""
        if array.ndim != 2 or not set(np.unique(array).tolist()) <= {0, 1}:
            raise InvalidData(
                f"expected targets n x labels of 0 and 1, got {_listed(np.unique(array))} of shape "
                f"{array.shape}; give each row a 1 per label that holds and a 0 per other one"
            )
        values = torch.from_numpy(array.astype(np.float32))
        return cls("multi_label", values, array.shape[1], array.shape[1:], _floats(array))

    @classmethod
    def numbers(cls, array: Numbers) -> Targets:
        """Return ``n``, ``n x columns`` or ``n x ...`` finite numbers."""
        if not array.ndim or not array.size:
            raise InvalidData(
                f"expected targets of shape n or n x columns, got shape {array.shape}; "
                "give each row one number or a row of numbers"
            )
        n, shape = len(array), array.shape[1:]
        column = np.float64 if array.ndim < 3 else np.float32
        with np.errstate(over="ignore"):  # overflow becomes inf, which is refused below
            values = torch.from_numpy(array.astype(column))
        values = values.reshape(n, -1) if array.ndim < 3 else values
        check_finite(values.float().isfinite().reshape(n, -1).all(dim=1), "targets")
        return cls("regression", values, 0, shape, floats=True)

    @classmethod
    def tokens(cls, array: Numbers, inputs: Tensor) -> Targets:
        """Return ``n x length`` token ids, for inputs ``n x length`` or ``n x length x ...``."""
        if array.ndim != 2 or array.shape[1:] != tuple(inputs.shape[1:2]):
            raise InvalidData(
                f"expected targets n x length, one token id for each of the inputs of shape "
                f"{tuple(inputs.shape)}, got shape {array.shape}; shift the inputs by one token"
            )
        known = array[array != IGNORE_INDEX]
        if not known.size or array.dtype.kind == "f" or known.min() < 0:
            raise InvalidData(
                "expected targets that are token ids of at least 0, got "
                f"{_listed(np.unique(array))} of type {array.dtype}; number the tokens from 0"
            )
        values = torch.from_numpy(array.astype(np.int64))
        largest = int(inputs.max()) if not inputs.is_floating_point() else 0
        classes = 1 + max(largest, int(values.max()))
        return cls("next_token", values, classes, array.shape[1:])

    def name(self, shape: tuple[int, ...], *inputs: Tensor) -> str:
        """Return an identifier of rows of that shape: digests of the targets and ``inputs``."""
        what = "labels" if self.task == "classification" else "targets"
        own = f"{' x '.join(map(str, shape))}, {what} {digest(self.values)}"
        return ", ".join([own, *(f"inputs {digest(tensor)}" for tensor in inputs)])


def digest(values: Tensor) -> str:
    """Return 16 characters that depend on every bit of the values."""
    return blake2b(values.contiguous().numpy().data, digest_size=8).hexdigest()


def inferred_task(targets: Numbers, inputs: Tensor) -> Task:
    """Infer the task from dtypes and shapes.

    Token ids for token ids are next_token. Tables of 0 and 1 with any number of 1 per row are
    multi_label, unless the inputs have as many positions. Floats are a regression, unless they are
    labels nevertheless: 0 to ``classes - 1``, two values only, or a one-hot table. Targets equal to
    the inputs, as of an autoencoder, are a regression. All others are labels.
    """
    whole, shape = targets.dtype.kind != "f", targets.shape[1:]
    tokens = not (inputs.is_floating_point() or inputs.is_complex())
    if tokens and targets.dtype.kind in "iu" and shape == tuple(inputs.shape[1:]):
        return "next_token"
    if _is_multi_hot(targets) and not (inputs.dim() > 2 and shape[0] in inputs.shape[1:]):
        return "multi_label"
    if not whole:
        return "classification" if _are_labels(targets) else "regression"
    if targets.ndim > 2 and _is_the_same(targets, inputs):
        return "regression"
    return "classification"


def checked_task(task: object) -> Task | None:
    """Return ``task`` if it is valid.

    Raises:
        InvalidArgument: if it is neither None nor one of ``TASKS``.
    """
    for known in TASKS:
        if task == known:
            return known
    if task is not None:
        raise unknown("task", task, TASKS)
    return None


def _are_labels(targets: Numbers) -> bool:
    """Return whether floats are labels."""
    if targets.ndim > 2:
        return False
    values = _without_column(targets)
    if values.ndim == 2:
        return _is_one_hot(values)
    present = np.unique(values)
    return len(present) <= 2 or np.array_equal(present, np.arange(len(present)))


def _without_column(array: Numbers) -> Numbers:
    """Return ``n x 1`` values as ``n``; others unchanged."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _is_one_hot(table: Numbers) -> bool:
    """Return whether each row of ``n x columns`` is 0 but for a single 1."""
    if table.ndim != 2 or table.shape[1] < 2 or not set(np.unique(table).tolist()) <= {0, 1}:
        return False
    return bool((table.sum(1) == 1).all())


def _is_multi_hot(table: Numbers) -> bool:
    """Return whether ``n x columns`` are 0 and 1, and not one-hot."""
    if table.ndim != 2 or table.shape[1] < 2 or _is_one_hot(table):
        return False
    return set(np.unique(table).tolist()) == {0, 1}


def _is_the_same(targets: Numbers, inputs: Tensor) -> bool:
    if targets.shape != tuple(inputs.shape) or inputs.is_complex():
        return False
    return bool(torch.equal(torch.from_numpy(targets.astype(np.float32)), inputs.float()))


def _floats(array: Numbers) -> bool:
    return array.dtype.kind == "f"


def _listed(values: Numbers) -> str:
    shown = ", ".join(str(value) for value in values[:10].tolist())
    return f"[{shown}, ...]" if len(values) > 10 else f"[{shown}]"
