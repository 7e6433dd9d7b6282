"""Targets: what a network is to tell of each row, and which task that makes.

| task | targets | type | outputs of a network |
|---|---|---|---|
| classification | ``n`` labels 0 to ``classes - 1`` | int64 | ``batch x classes`` |
| regression | ``n`` or ``n x columns`` numbers | float64 | ``batch x columns`` |
| next_token | ``n x length`` token ids, one an input | int64 | ``batch x length x classes`` |
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from bonas.errors import InvalidData, unknown
from bonas.evaluation.data.rows import Numbers, number_array, refuse_spoilt

Task = Literal["classification", "regression", "next_token"]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of all rows, checked.

    Attributes:
        task: What they are to be used for.
        values: ``n`` or ``n x length`` int64, or ``n x columns`` float64 for regression.
        classes: Labels and token ids are below it; 0 for regression.
    """

    task: Task
    values: Tensor
    classes: int

    @classmethod
    def of(cls, y: object, inputs: Tensor, task: Task | None = None) -> Targets:
        """The targets ``y`` for ``n x ...`` ``inputs``; a task of None is told by the two.

        Raises:
            InvalidData: if they do not suit each other or the task.
        """
        array = number_array(y, "labels" if task is None else "targets")
        task = task or inferred_task(array, inputs)
        if task == "classification":
            found = cls.labels(array)
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
        """``n`` labels 0 to ``classes - 1``, each of which occurs, of at least two classes."""
        if array.ndim != 1:
            raise InvalidData(
                f"expected labels of shape n, got shape {array.shape}; give one whole number a "
                "row, as in labels.argmax(1) for a one-hot table"
            )
        present = np.unique(array)
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
        return cls("classification", torch.from_numpy(array.astype(np.int64)), len(present))

    @classmethod
    def numbers(cls, array: Numbers) -> Targets:
        """``n`` or ``n x columns`` finite numbers."""
        if array.ndim not in (1, 2) or not array.size:
            raise InvalidData(
                f"expected targets of shape n or n x columns, got shape {array.shape}; "
                "give each row one number or a row of numbers"
            )
        values = torch.from_numpy(array.reshape(len(array), -1).astype(np.float64))
        refuse_spoilt(values.float().isfinite().all(dim=1), "targets")
        return cls("regression", values, 0)

    @classmethod
    def tokens(cls, array: Numbers, inputs: Tensor) -> Targets:
        """``n x length`` token ids, for inputs ``n x length`` or ``n x length x ...``."""
        if array.ndim != 2 or array.shape[1:] != tuple(inputs.shape[1:2]):
            raise InvalidData(
                f"expected targets n x length, one token id for each of the inputs of shape "
                f"{tuple(inputs.shape)}, got shape {array.shape}; shift the inputs by one token"
            )
        if not array.size or array.dtype.kind == "f" or array.min() < 0:
            raise InvalidData(
                "expected targets that are token ids of at least 0, got "
                f"{_listed(np.unique(array))} of type {array.dtype}; number the tokens from 0"
            )
        values = torch.from_numpy(array.astype(np.int64))
        known = int(inputs.max()) if not inputs.is_floating_point() else 0
        return cls("next_token", values, 1 + max(known, int(values.max())))

    def name(self, shape: tuple[int, ...], inputs: Tensor | None = None) -> str:
        """Tells rows of that shape, with these targets, from other ones.

        So do the ``inputs``, where they are in memory.
        """
        what = "labels" if self.task == "classification" else "targets"
        told = f"{' x '.join(map(str, shape))}, {what} {_digest(self.values)}"
        return told if inputs is None else f"{told}, inputs {_digest(inputs)}"


def _digest(values: Tensor) -> str:
    """Of the bytes: another one if a single value differs in its last bit."""
    return blake2b(values.contiguous().numpy().data, digest_size=8).hexdigest()


def inferred_task(targets: Numbers, inputs: Tensor) -> Task:
    """The task that the types and shapes tell.

    Token ids for token ids are a next_token task. Floats are a regression, unless they are labels
    all the same: 0 to ``classes - 1``, two values only, or a one-hot table. All else is labels.
    """
    if (
        not inputs.is_floating_point()
        and targets.dtype.kind in "iu"
        and targets.shape[1:] == tuple(inputs.shape[1:])
    ):
        return "next_token"
    if targets.dtype.kind == "f" and not _are_labels(targets):
        return "regression"
    return "classification"


def checked_task(task: object) -> Task | None:
    """``task`` itself.

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
    present = np.unique(targets)
    if targets.ndim == 2:
        return targets.shape[1] > 1 and set(present) <= {0, 1} and bool((targets.sum(1) == 1).all())
    return len(present) <= 2 or np.array_equal(present, np.arange(len(present)))


def _listed(values: Numbers) -> str:
    shown = ", ".join(str(value) for value in values[:10].tolist())
    return f"[{shown}, ...]" if len(values) > 10 else f"[{shown}]"
