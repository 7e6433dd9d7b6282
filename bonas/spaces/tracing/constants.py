"""Constants: tensors that do not depend on the network's input.

A mask, a window, a table of positions or an index decides what a network computes, and no size in
the graph shows it. The label of the operation that reads a constant therefore holds its values: all
numbers if they are few, a digest if they are many. Dimensions along which nothing changes count as
size 1, so that one mask for a batch equals its copies. Where values are not known (large tensors on
the meta device, random ones, parameters), the label holds the functions that computed the constant,
with their arguments.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

Values = npt.NDArray[Any]

LIMIT = 1 << 16
"""Elements of the largest tensor whose values are kept."""

_SPELLED_OUT = 4  # elements that stand in a label as they are; more are digested
_NOT_OF_NUMPY = frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2", "complex32"})
_LENGTH = 32  # characters of an expression; a longer one is digested


@dataclass(frozen=True, eq=False)
class Work:
    """The cost of computing a constant; it counts once, however many operations read it.

    Attributes:
        multiply_adds: In total.
        rows: The first dimension of the result: where that is the batch, each example has its
            share (zero states that start a recurrence, queries repeated for each example).
    """

    multiply_adds: int
    rows: int

    def for_batch(self, batch: int) -> int:
        """Return the multiply-adds of a whole batch, as if each example were run alone."""
        return self.multiply_adds * (1 if self.rows == batch else batch)


class Constant:
    """A tensor that does not depend on the network's input.

    Attributes:
        values: The tensor on the CPU, where it is small and known.
        origin: The expression that made it (``"matmul(parameter, parameter)"``); empty for a
            parameter.
        parameters: The parameters that it was computed from.
        works: The costs of computing it.

    With ``frozen``, the label is fixed now, since the values may be overwritten later.
    """

    __slots__ = ("_label", "origin", "parameters", "values", "works")

    def __init__(
        self,
        values: Tensor | None = None,
        origin: str = "",
        parameters: tuple[Tensor, ...] = (),
        works: tuple[Work, ...] = (),
        *,
        frozen: bool = False,
    ) -> None:
        self.values, self.origin = values, origin
        self.parameters, self.works = parameters, works
        self._label = None if not frozen or values is None else value_label(values)

    @property
    def label(self) -> str:
        """The text that stands for it in the label of an operation; empty for a plain parameter."""
        if self._label is None:
            self._label = self.origin if self.values is None else value_label(self.values)
        return self._label


def value_label(tensor: Tensor) -> str:
    """Return the values of a tensor as text, a digest of them if they are many.

    >>> import torch
    >>> value_label(torch.full((3, 4), 2.5)), value_label(torch.arange(3).expand(5, 3))
    ('2.5', '[0, 1, 2]')
    >>> mask = torch.tril(torch.ones(8, 8))
    >>> value_label(mask) == value_label(mask[None, None])
    True
    """
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_sparse or tensor.is_quantized:
        return kind
    plain = tensor.detach().resolve_conj().resolve_neg()
    values = _collapsed((plain.float() if kind in _NOT_OF_NUMPY else plain).numpy())
    if values.size <= _SPELLED_OUT:
        return _listed(values.tolist())
    data = f"{values.shape}{kind}".encode() + np.ascontiguousarray(values).tobytes()
    return f"#{sha1(data, usedforsecurity=False).hexdigest()[:8]}"


def expression(name: str, parts: Iterable[str]) -> str:
    """Return a call as text: function and arguments, or function and digest if that is long.

    >>> expression("tril", ["ones(8)"])
    'tril(ones(8))'
    """
    text = f"{name}({', '.join(part for part in parts if part)})"
    return text if len(text) <= _LENGTH else f"{name}#{zlib.crc32(text.encode()):08x}"


def _collapsed(values: Values) -> Values:
    """Drop leading dimensions of size 1, and repetition along the other dimensions."""
    for axis, size in enumerate(values.shape):
        if size > 1:
            first = values.take([0], axis=axis)
            if (values == first).all():
                values = first
    while values.ndim and values.shape[0] == 1:
        values = values[0]
    return np.asarray(values)


def _listed(numbers: object) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_listed, numbers))}]"
    return f"{numbers:.7g}" if isinstance(numbers, float) else str(numbers)
