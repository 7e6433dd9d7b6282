"""Labelled rows: inputs and labels as tensors that can be trained on, split by class."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from bonas.errors import InvalidData

Integers = npt.NDArray[np.int64]


def checked_inputs(x: object) -> Tensor:
    """``n x ...`` float32 inputs out of numbers of any type.

    Raises:
        InvalidData: if they are no numbers, form no array, have one axis only or are not finite.
    """
    if isinstance(x, Tensor) and not x.is_complex():
        inputs = x.detach().to("cpu", torch.float32)
    else:
        array = _array(x, "inputs")
        with np.errstate(over="ignore"):  # what is too large becomes inf and is refused below
            inputs = torch.from_numpy(np.array(array, dtype=np.float32))
    if inputs.ndim < 2:
        raise InvalidData(
            f"expected inputs of shape n x ..., got shape {tuple(inputs.shape)}; "
            "give each row its own axis, as in inputs.reshape(n, -1)"
        )
    spoilt = ~torch.isfinite(inputs).flatten(1).all(dim=1)
    if spoilt.any():
        raise InvalidData(
            f"expected inputs that are finite in float32, got {int(spoilt.sum())} of "
            f"{len(inputs)} rows that are not, the first at index {int(spoilt.nonzero()[0])}; "
            "remove or repair them"
        )
    return inputs


def checked_labels(y: object) -> Integers:
    """``n`` labels 0 to ``classes - 1``, each of which occurs.

    Raises:
        InvalidData: if they are anything else, or of fewer than two classes.
    """
    array = _array(y.detach().cpu().numpy() if isinstance(y, Tensor) else y, "labels")
    if array.ndim != 1:
        raise InvalidData(
            f"expected labels of shape n, got shape {array.shape}; give one whole number a row, "
            "as in labels.argmax(1) for a one-hot table"
        )
    present = np.unique(array)
    if not np.array_equal(present, np.arange(len(present))):
        raise InvalidData(
            f"expected labels 0 to classes - 1, each at least once, got {_listed(present)}; "
            "renumber them, as in numpy.unique(labels, return_inverse=True)[1]"
        )
    if len(present) < 2:
        raise InvalidData(
            f"expected labels of at least 2 classes, got {_listed(present)}; "
            "add rows of another class"
        )
    return array.astype(np.int64)


def split_by_class(
    labels: Integers, validation: float, test: float, seed: int
) -> tuple[Integers, Integers, Integers]:
    """The rows of train, validation and test; each part has the classes in the same shares.

    Raises:
        InvalidData: if there are too few rows for that.
    """
    first, second = np.random.SeedSequence(seed).generate_state(2)
    rest, aside = np.arange(len(labels)), np.arange(0)
    try:
        if test:
            rest, aside = train_test_split(
                rest, test_size=test, stratify=labels, random_state=int(first)
            )
        train, judged = train_test_split(
            rest,
            test_size=validation / (1 - test),
            stratify=labels[rest],
            random_state=int(second),
        )
    except ValueError as error:
        counts = np.bincount(labels)
        raise InvalidData(
            f"expected enough rows to split {len(counts)} classes with {validation:g} of them for "
            f"validation and {test:g} for test, got {len(labels)} rows, {counts.min()} of class "
            f"{counts.argmin()}; add rows, leave out rare classes or change the shares ({error})"
        ) from error
    return train, judged, aside


def told(value: object) -> str:
    """A value in an error: its type, and its length or itself where that is short."""
    kind = type(value).__name__
    if isinstance(value, (tuple, list)):
        return f"a {kind} of length {len(value)}"
    return f"the {kind} {value!r}" if isinstance(value, (str, Real)) else f"a {kind}"


def _array(values: object, what: str) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidData(
            f"expected {what} that form an array, got {told(values)} that does not: {error}; "
            "give every row the same shape"
        ) from error
    if array.dtype.kind not in "biuf":
        raise InvalidData(
            f"expected {what} that are real numbers, got {told(values)} of type {array.dtype}; "
            "turn them into numbers"
        )
    return array


def _listed(values: npt.NDArray[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:10].tolist())
    return f"[{shown}, ...]" if len(values) > 10 else f"[{shown}]"
