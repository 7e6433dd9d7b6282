"""Tensors that no data reach: their values where they are known, else how they were made.

A mask, a window, a table of positions or an index decides what a network computes, and no size
shows it. Its values stand for it: all numbers if they are few, a digest if they are many. Sides
along which nothing changes count as 1, so that one mask of a batch and its copies are the same.
Where values are not known (large tensors on the meta device, random ones, parameters), the
functions stand for them that made them, with their arguments.
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

_WRITTEN = 4  # elements that are written down, not digested
_NOT_OF_NUMPY = frozenset({"bfloat16", "float8_e4m3fn", "float8_e5m2", "complex32"})
_LENGTH = 32  # characters of an expression that is written down


@dataclass(frozen=True, eq=False)
class Work:
    """What computing a constant took; it counts once, whatever reads the constant.

    Attributes:
        multiply_adds: In all.
        rows: The first side of what was computed: where that is the batch, each example has its
            share (states of zeros that start a recurrence, queries repeated for each example).
    """

    multiply_adds: int
    rows: int

    def of_all(self, batch: int) -> int:
        """Multiply-adds of a whole batch, if each example were alone."""
        return self.multiply_adds * (1 if self.rows == batch else batch)


class Constant:
    """A tensor that no data reach.

    Attributes:
        values: The tensor on the CPU, where it is small and known.
        made: What it was made by (``"matmul(parameter, parameter)"``); empty for a parameter.
        parameters: What it was computed from.
        works: What computing it took.

    With ``frozen``, the values may change later, and what they are now stands for it.
    """

    __slots__ = ("_text", "made", "parameters", "values", "works")

    def __init__(
        self,
        values: Tensor | None = None,
        made: str = "",
        parameters: tuple[Tensor, ...] = (),
        works: tuple[Work, ...] = (),
        *,
        frozen: bool = False,
    ) -> None:
        self.values, self.made = values, made
        self.parameters, self.works = parameters, works
        self._text = None if not frozen or values is None else written(values)

    @property
    def text(self) -> str:
        """What stands for it in a label; empty for a parameter as it is."""
        if self._text is None:
            self._text = self.made if self.values is None else written(self.values)
        return self._text


def written(tensor: Tensor) -> str:
    """The values of a tensor, a digest of them if they are many.

    >>> import torch
    >>> written(torch.full((3, 4), 2.5)), written(torch.arange(3).expand(5, 3))
    ('2.5', '[0, 1, 2]')
    >>> written(torch.tril(torch.ones(8, 8))) == written(torch.tril(torch.ones(1, 1, 8, 8)))
    True
    """
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_sparse or tensor.is_quantized:
        return kind
    plain = tensor.detach().resolve_conj().resolve_neg()
    values = _collapsed((plain.float() if kind in _NOT_OF_NUMPY else plain).numpy())
    if values.size <= _WRITTEN:
        return _listed(values.tolist())
    data = f"{values.shape}{kind}".encode() + np.ascontiguousarray(values).tobytes()
    return f"#{sha1(data, usedforsecurity=False).hexdigest()[:8]}"


def expression(name: str, parts: Iterable[str]) -> str:
    """A function and its arguments; of a long one, the function and a digest.

    >>> expression("tril", ["ones(8)"])
    'tril(ones(8))'
    """
    text = f"{name}({', '.join(part for part in parts if part)})"
    return text if len(text) <= _LENGTH else f"{name}#{zlib.crc32(text.encode()):08x}"


def _collapsed(values: Values) -> Values:
    """Without leading sides of 1, and one slice of each side along which nothing changes."""
    for place, side in enumerate(values.shape):
        if side > 1:
            first = values.take([0], axis=place)
            if (values == first).all():
                values = first
    while values.ndim and values.shape[0] == 1:
        values = values[0]
    return np.asarray(values)


def _listed(numbers: object) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(map(_listed, numbers))}]"
    return f"{numbers:.7g}" if isinstance(numbers, float) else str(numbers)
