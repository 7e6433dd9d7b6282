"""The entry: the tensor at which gradients of inputs that are whole numbers are taken.

It is what the first embedding of the inputs returns. Without an embedding it is the first
floating-point tensor that is computed from the inputs, such as a one-hot code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from bonas.evaluation.zero_cost.functions import EMBEDDINGS

_FILLED = ("_like", "new_")  # functions that take no values from their argument


class Entry:
    """A search for the entry among the calls of a forward pass.

    Args:
        inputs: The whole numbers of the batch.
        rows: The number of inputs, ``b``.

    Attributes:
        tensor: What was found, one row per input; None before.
    """

    def __init__(self, inputs: Sequence[Tensor], rows: int) -> None:
        self.tensor: Tensor | None = None
        self._rows, self._embedded = rows, False
        self._derived = list(inputs)  # kept, so that their ids stay theirs

    def see(self, name: str, args: Sequence[Any], output: Tensor) -> None:
        """Look at a call of a function and what it returned."""
        if self._embedded or any(part in name for part in _FILLED):
            return
        known = {id(tensor) for tensor in self._derived}
        if not any(id(tensor) in known for tensor in _tensors(args)):
            return
        if not output.is_floating_point():
            self._derived.append(output)
        elif output.dim() > 1 and self._rows in output.shape[:2]:
            if self.tensor is None or name in EMBEDDINGS:
                self.tensor, self._embedded = output, name in EMBEDDINGS
            if not output.requires_grad and torch.is_grad_enabled():
                output.requires_grad_()


def _tensors(args: Sequence[Any]) -> Iterator[Tensor]:
    for argument in args:
        parts = argument if isinstance(argument, (list, tuple)) else [argument]
        yield from (part for part in parts if isinstance(part, Tensor))
