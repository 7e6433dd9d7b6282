"""Inputs of an estimator: what kind the rows are, and how they become a tensor.

| ``X`` | kind | the tensor |
|---|---|---|
| ``n x columns`` | table | standardised columns, float32 |
| ``n x height x width``, bytes or square | images | ``n x 1 x height x width`` |
| ``n x channels x height x width``, or channels last | images | channels first, standardised |
| ``n x length x features``, neither bytes nor square | sequences | standardised features |
| ``n x length`` whole numbers, by ``inputs="tokens"`` only | tokens | ids, int64 |

Whole numbers in two axes are a table unless they are declared tokens: counts and codes look alike.
A fourth axis of 1 to 4 is taken as channels where the second axis cannot be; else channels come
first. Mean and standard deviation (per column, channel or feature) are those of the rows given to
``of``; what does not vary there has deviation 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bonas.errors import InvalidData, unknown

Kind = Literal["table", "images", "sequences", "tokens"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, colours, colours and alpha
_AXES = {"table": (2,), "images": (3, 4), "sequences": (3,), "tokens": (2,)}
_FEWEST_PIXELS = 8  # square rows of fewer are a sequence
_CHUNK = 4096  # rows that are standardised at once, in float64

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Preparation:
    """What turns the rows of a user into the inputs of a network; fitted once, then the same.

    Attributes:
        kind: Of the rows.
        given: Shape of a row as the user gives it.
        channels_last: Whether the channels of images are the last axis of ``given``.
        mean: Of each column, channel or feature; empty for tokens.
        deviation: Of the same; 1 where nothing varies.
        known: The ids of tokens that occurred, sorted; empty for numbers. All others share one id
            more, whose embedding no row has trained.
    """

    kind: Kind
    given: tuple[int, ...]
    channels_last: bool
    mean: Array
    deviation: Array
    known: Array

    @classmethod
    def of(cls, X: Array, declared: Kind | None = None) -> Preparation:
        """Return the preparation for rows ``n x ...``.

        Raises:
            InvalidArgument: for an unknown kind.
            InvalidData: if the rows have no such shape or overflow, or tokens are not whole
                numbers from 0.
        """
        kind = kind_of_rows(X) if declared is None else _checked(declared, X)
        last = kind == "images" and X.ndim == 4 and _are_last(X.shape)
        none = np.empty(0)
        if kind == "tokens":
            return cls(kind, X.shape[1:], last, none, none, np.unique(_ids(X)))
        mean, deviation = _moments(_channels_first(X, kind, last), _axis(kind))
        return cls(kind, X.shape[1:], last, mean, deviation, none)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input of the network."""
        if self.kind != "images":
            return self.given
        if len(self.given) == 2:
            return (1, *self.given)
        return (self.given[-1], *self.given[:-1]) if self.channels_last else self.given

    @property
    def vocabulary(self) -> int:
        """The number of token ids, the one for unknown tokens included; 0 for numbers."""
        return len(self.known) + 1 if self.kind == "tokens" else 0

    def __call__(self, X: Array) -> Tensor:
        """Return rows as ``n x shape``: float32, or int64 for tokens.

        Raises:
            InvalidData: if a row has another shape, or numbers overflow float32.
        """
        if X.shape[1:] != self.given:
            raise InvalidData(
                f"expected rows of shape {self.given}, as in fit, got {X.shape[1:]}; give the same "
                "columns or pixels"
            )
        if self.kind == "tokens":
            ids = _ids(X)
            places = np.searchsorted(self.known, ids).clip(max=len(self.known) - 1)
            return torch.from_numpy(np.where(self.known[places] == ids, places, len(self.known)))
        first = _channels_first(X, self.kind, self.channels_last)
        spread = [1] * first.ndim
        spread[_axis(self.kind)] = -1
        mean, deviation = self.mean.reshape(spread), self.deviation.reshape(spread)
        prepared = np.empty(first.shape, np.float32)
        with np.errstate(over="ignore"):  # refused below
            for start in range(0, len(first), _CHUNK):
                rows = slice(start, start + _CHUNK)
                prepared[rows] = (first[rows].astype(np.float64) - mean) / deviation
        if not np.isfinite(prepared).all():
            raise InvalidData(
                "expected inputs that are finite in float32 once they are standardised, got some "
                "that are not; rescale or clip the extreme columns"
            )
        return torch.from_numpy(prepared)


def kind_of_rows(X: Array) -> Kind:
    """Return what rows ``n x ...`` are taken for, see the table at the head of the module.

    Raises:
        InvalidData: for other numbers of axes.
    """
    if X.ndim == 2:
        return "table"
    if X.ndim == 3:
        square = X.shape[1] == X.shape[2] >= _FEWEST_PIXELS
        return "images" if X.dtype == np.uint8 or square else "sequences"
    if X.ndim == 4:
        return "images"
    raise InvalidData(
        f"expected a table n x columns, images n x channels x height x width or sequences "
        f"n x length x features, got {X.ndim} axes of shape {X.shape}; reshape the rows, or search "
        "a space of your own with bonas.optimize"
    )


def _checked(declared: object, X: Array) -> Kind:
    for kind in KINDS:
        if declared == kind:
            if X.ndim not in _AXES[kind]:
                raise InvalidData(
                    f"expected {' or '.join(map(str, _AXES[kind]))} axes for inputs={kind!r}, got "
                    f"shape {X.shape}; reshape the rows or leave inputs out"
                )
            return kind
    raise unknown("kind of inputs", declared, KINDS)


def _are_last(shape: tuple[int, ...]) -> bool:
    return shape[1] not in _CHANNELS and shape[-1] in _CHANNELS


def _channels_first(X: Array, kind: Kind, last: bool) -> Array:
    """Return images as ``n x channels x height x width``; other rows as they are."""
    if kind != "images":
        return X
    if X.ndim == 3:
        return X[:, None]
    return np.moveaxis(X, -1, 1) if last else X


def _axis(kind: Kind) -> int:
    """Return the axis whose entries are standardised apart."""
    return 2 if kind == "sequences" else 1


def _moments(X: Array, axis: int) -> tuple[Array, Array]:
    """Return mean and deviation along an axis, in two passes of a few rows at once.

    Raises:
        InvalidData: if they overflow.
    """
    others = tuple(i for i in range(X.ndim) if i != axis)
    n = X.size // X.shape[axis]
    parts = [X[start : start + _CHUNK] for start in range(0, len(X), _CHUNK)]
    spread = [1] * X.ndim
    spread[axis] = -1
    with np.errstate(over="ignore", invalid="ignore"):  # refused below
        mean = sum(part.sum(others, dtype=np.float64) / n for part in parts)
        centre = np.asarray(mean).reshape(spread)
        squares = sum(((part - centre) ** 2).sum(others) / n for part in parts)
        deviation = np.sqrt(np.asarray(squares))
        varies = deviation > 1e-12 * np.abs(mean)  # rounding of a constant column is no variation
    if not np.isfinite(deviation).all():
        raise InvalidData(
            "expected inputs whose standard deviation is finite in float64, got numbers up to "
            f"{np.abs(X).max():.3g}; rescale them"
        )
    return np.asarray(mean), np.where(varies, deviation, 1.0)


def _ids(X: Array) -> npt.NDArray[np.int64]:
    """Return token ids.

    Raises:
        InvalidData: if they are not whole numbers from 0.
    """
    whole = X.dtype.kind in "iub" or np.array_equal(X, np.floor(X))
    if not whole or (X.size and X.min() < 0):
        raise InvalidData(
            f"expected token ids, whole numbers from 0, got {X.dtype} from {X.min()} to {X.max()}; "
            "number the tokens from 0, or leave inputs='tokens' out for a table"
        )
    return X.astype(np.int64)
