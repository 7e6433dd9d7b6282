"""Data for training: one source of labelled rows, in three parts.

The training rows train a network, the validation rows judge it during the search, and the test rows
are kept aside for the network that is chosen at the end: no evaluation reads them.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from hashlib import blake2b
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData, unknown
from bonas.evaluation.rows import Integers, checked_inputs, checked_labels, split_by_class, told

DataSource = str | tuple[npt.ArrayLike | Tensor, npt.ArrayLike | Tensor] | Dataset[Any]
Split = TensorDataset | Subset[Any]

_NAMES = ("digits",)


@dataclass(frozen=True, slots=True)
class Splits:
    """One data set in three parts; a row is an input of ``input_shape`` and a label.

    Attributes:
        train: The rows that train a network.
        validation: The rows that judge it during the search.
        test: The rows kept for the end; None when none are kept.
        classes: Labels are 0 to ``classes - 1``.
        input_shape: The shape of one input.
        name: Tells this data set from others: its name, or its shape and a digest of its labels.
    """

    train: Split
    validation: Split
    test: Split | None
    classes: int
    input_shape: tuple[int, ...]
    name: str


def load(data: DataSource, *, validation: float = 0.2, test: float = 0.2, seed: int = 0) -> Splits:
    """``data`` in three parts that hold the classes in the same shares; a seed gives one split.

    Args:
        data: ``"digits"`` (1,797 grey images of 8 x 8 pixels, standardised, bundled with
            scikit-learn), a pair of inputs ``n x ...`` and labels ``n`` (inputs become float32 and
            are otherwise taken as they are), or a torch ``Dataset`` of such rows. The labels of a
            ``Dataset`` are its ``targets`` if it has them, else every row is read once.
        validation: Share of the rows for validation.
        test: Share of the rows kept for the end; 0 keeps none.
        seed: Which of the possible splits.

    Raises:
        InvalidArgument: if ``data`` is of another kind or name, or a share is not possible.
        InvalidData: if inputs are not finite, labels are not 0 to ``classes - 1``, or there are
            too few rows to split by class.

    >>> splits = load("digits")
    >>> len(splits.train), len(splits.validation), splits.input_shape, splits.classes
    (1077, 360, (1, 8, 8), 10)
    """
    _check_shares(validation, test)
    if isinstance(data, str):
        if data not in _NAMES:
            raise unknown("data set", data, _NAMES)
        return _digits(validation, test, seed)
    if isinstance(data, Dataset) and type(data) is not TensorDataset:
        return _dataset(data, validation, test, seed)
    x, y = _pair(data)
    inputs, labels = checked_inputs(x), checked_labels(y)
    if len(inputs) != len(labels):
        raise InvalidData(
            f"expected as many labels as inputs, got {len(inputs)} inputs and {len(labels)} "
            "labels; give one label for each row"
        )
    parts = split_by_class(labels, validation, test, seed)
    return _tensors(inputs, labels, parts, _digest(inputs.shape, labels))


def _digits(validation: float, test: float, seed: int) -> Splits:
    images, labels = load_digits(return_X_y=True)
    inputs = torch.from_numpy(images.astype(np.float32) / 16).reshape(-1, 1, 8, 8)
    labels = labels.astype(np.int64)
    parts = split_by_class(labels, validation, test, seed)
    mean, deviation = inputs[parts[0]].mean(), inputs[parts[0]].std()
    return _tensors((inputs - mean) / deviation, labels, parts, "digits")


def _tensors(
    inputs: Tensor, labels: Integers, parts: tuple[Integers, Integers, Integers], name: str
) -> Splits:
    """The parts as tensors in memory."""
    targets = torch.from_numpy(labels)
    train, validation, test = (TensorDataset(inputs[rows], targets[rows]) for rows in parts)
    return Splits(
        train,
        validation,
        test if len(test) else None,
        classes=int(labels.max()) + 1,
        input_shape=tuple(inputs.shape[1:]),
        name=name,
    )


def _dataset(data: Dataset[Any], validation: float, test: float, seed: int) -> Splits:
    """The parts as index sets of a data set that is read row by row."""
    if isinstance(data, IterableDataset) or not isinstance(data, Sized) or len(data) == 0:
        raise InvalidArgument(
            f"expected a Dataset of at least one row, with a length and an index, got "
            f"{told(data)}; give it __len__ and __getitem__"
        )
    input_shape = tuple(_row(data, 0)[0].shape)
    labels = checked_labels(_targets(data, len(data)))
    parts = split_by_class(labels, validation, test, seed)
    train, judged, aside = (Subset(data, rows.tolist()) for rows in parts)
    return Splits(
        train,
        judged,
        aside if len(aside) else None,
        classes=int(labels.max()) + 1,
        input_shape=input_shape,
        name=_digest((len(data), *input_shape), labels),
    )


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


def _targets(data: Dataset[Any], n: int) -> npt.ArrayLike | Tensor:
    """The labels of a data set: its ``targets`` where these are what its rows give, else read."""
    targets: npt.ArrayLike | Tensor | None = getattr(data, "targets", None)
    transformed = getattr(data, "target_transform", None) is not None
    if isinstance(targets, Sized) and len(targets) == n and not transformed:
        return targets
    return [_label(_row(data, index)[1], index) for index in range(n)]


def _label(label: object, index: int) -> float:
    if isinstance(label, (Tensor, np.ndarray)) and label.ndim == 0:
        label = label.item()
    if not isinstance(label, Real):
        raise InvalidData(
            f"expected a whole number as the label at index {index}, got {told(label)}; "
            "number the classes from 0"
        )
    return float(label)


def _pair(data: object) -> tuple[Any, Any]:
    if isinstance(data, TensorDataset):
        data = data.tensors
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise InvalidArgument(
            f"expected data as a name, a pair (inputs, labels) or a torch Dataset, got "
            f"{told(data)}; give one of the three"
        )
    return data[0], data[1]


def _check_shares(validation: float, test: float) -> None:
    shares: dict[str, object] = {"validation": validation, "test": test}
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise InvalidArgument(f"{name} must be a share of the rows in [0, 1), got {share!r}")
    if not validation or validation + test >= 1:
        raise InvalidArgument(
            "expected validation > 0 and validation + test < 1, "
            f"got {validation} and {test}; the rest is for training"
        )


def _digest(shape: tuple[int, ...], labels: Integers) -> str:
    digest = blake2b(labels.tobytes(), digest_size=8).hexdigest()
    return f"{' x '.join(map(str, shape))}, labels {digest}"
