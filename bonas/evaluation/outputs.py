"""Outputs: which of the tensors that a network returns is its prediction, and which are auxiliary.

A network may return a tensor, a tuple, a mapping, a dataclass (such as Hugging Face's outputs) or
any object with attributes. Its tensors are examined in order, those with a name in ``NAMES`` first,
then those with as many outputs as there are classes; the prediction is the first one whose shape
fits the targets:

| targets | a prediction is | or also |
|---|---|---|
| labels ``batch`` | ``batch x classes`` or more of them | two classes: ``batch``, ``batch x 1`` |
| labels ``batch x ...`` | ``batch x classes x ...`` | ``batch x ... x classes`` |
| numbers ``batch x ...`` | ``batch x ...`` | with or without axes of size 1 |

A single output for two classes is the logit of the second one.

Auxiliary predictions are the other outputs of the same shape in training mode that are either
absent in evaluation mode (as in GoogLeNet) or named so (``aux``). Their losses are added to that of
the prediction with weight 0.4, as in NASNet (Zoph et al., 2018) and DARTS (Liu et al., 2019);
GoogLeNet (Szegedy et al., 2015) uses 0.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bonas.errors import InvalidData
from bonas.evaluation.data.targets import Task

AUXILIARY = 0.4
"""Weight of the loss of an auxiliary prediction."""

NAMES = (
    "logits",
    "prediction_logits",
    "prediction",
    "predictions",
    "out",
    "sample",
    "reconstruction",
    "reconstructions",
    "last_hidden_state",
)
"""Names of predictions: Hugging Face's heads, torchvision's segmentation, diffusers, ..."""

_ORDER = {name: place for place, name in enumerate(NAMES)}
_DEPTH = 4  # maximum depth of nested tuples that are searched


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of predictions for a task in what a network returns.

    Attributes:
        task: The task of the targets.
        classes: Upper bound of the labels, exclusive.
        known: Paths of the predictions in evaluation mode.
    """

    task: Task
    classes: int
    known: frozenset[str] = frozenset()

    def prediction(self, returned: object, targets: Tensor) -> Tensor:
        """Return the prediction: classes on the last axis, or numbers in the targets' shape.

        Raises:
            InvalidData: if no tensor fits.
        """
        for _, _, found in self._fitting(returned, targets):
            return found
        raise InvalidData(
            f"expected outputs of shape {self.expected(targets)}, got {shapes_of(returned)}"
        )

    def as_returned(self, returned: object, targets: Tensor) -> Tensor:
        """Return the prediction as the network returned it.

        Raises:
            InvalidData: if no tensor fits.
        """
        for _, tensor, _ in self._fitting(returned, targets):
            return tensor
        return self.prediction(returned, targets)

    def auxiliary(self, returned: object, targets: Tensor) -> list[Tensor]:
        """Return the auxiliary predictions of a network in training, in the same form."""
        if isinstance(returned, Tensor):
            return []
        fitting = self._fitting(returned, targets)
        return [
            found
            for path, _, found in fitting[1:]
            if found.shape == fitting[0][2].shape and (path not in self.known or "aux" in path)
        ]

    def of_network(self, returned: object, targets: Tensor) -> Reader:
        """Return the reader for a network that returned this in evaluation mode."""
        return replace(self, known=frozenset(path for path, *_ in self._fitting(returned, targets)))

    def expected(self, targets: Tensor) -> str:
        """Return the expected shape for these targets, for a message."""
        shape = tuple(targets.shape)
        if self.task in ("regression", "multi_label"):
            return f"{shape} (batch x {'outputs' if len(shape) < 3 else '...'})"
        if self.task == "next_token":
            return f"{(*shape, self.classes)} (batch x length x vocabulary)"
        if len(shape) == 1:
            return f"{(*shape, self.classes)} (batch x classes)"
        return f"{(shape[0], self.classes, *shape[1:])} (batch x classes x ...)"

    def _fitting(self, returned: object, targets: Tensor) -> list[tuple[str, Tensor, Tensor]]:
        """Return path, tensor and uniform form of each tensor that fits; the prediction first."""
        fitting = []
        for path, tensor in tensors_of(returned):
            found = self._fitted(tensor, targets) if tensor.is_floating_point() else None
            if found is not None:
                half = found.dtype in (torch.bfloat16, torch.float16)
                fitting.append((path, tensor, found.float() if half else found))
        return sorted(fitting, key=lambda item: self._rank(item[0], item[2]))

    def _rank(self, path: str, found: Tensor) -> tuple[int, bool]:
        return _ORDER.get(path, len(_ORDER)), self.classes not in (0, found.shape[-1])

    def _fitted(self, tensor: Tensor, targets: Tensor) -> Tensor | None:
        if self.task in ("regression", "multi_label"):
            same = _sides(tensor) == _sides(targets) and len(tensor) == len(targets)
            return tensor.reshape(targets.shape) if tensor.dim() and same else None
        return self._classified(tensor, targets)

    def _classified(self, tensor: Tensor, targets: Tensor) -> Tensor | None:
        """Return ``batch x ... x outputs`` with at least as many outputs as classes; or None."""
        shape, positions = tuple(tensor.shape), tuple(targets.shape)
        if len(positions) == 1 and len(shape) > 2 and set(shape[2:]) == {1}:
            tensor, shape = tensor.flatten(1), shape[:2]  # a head of convolutions
        if shape == positions:
            return self._two_of_one(tensor.unsqueeze(-1))
        if len(shape) != len(positions) + 1 or shape[0] != positions[0]:
            return None
        last = shape[:-1] == positions
        first = len(positions) > 1 and shape[2:] == positions[1:]
        if first and last:  # as many positions as classes: an exact number of classes decides
            exact = [size == self.classes for size in (shape[1], shape[-1])]
            last = exact[1] if exact[0] != exact[1] else len(positions) == 2
        if last:
            return self._two_of_one(tensor)
        return self._two_of_one(tensor.movedim(1, -1)) if first else None

    def _two_of_one(self, tensor: Tensor) -> Tensor | None:
        """Return both logits if there is only that of the second class; None if too few."""
        if tensor.shape[-1] >= self.classes:
            return tensor
        if tensor.shape[-1] == 1 and self.classes == 2:
            return torch.cat([torch.zeros_like(tensor), tensor], dim=-1)
        return None


def tensors_of(returned: object) -> list[tuple[str, Tensor]]:
    """Return the tensors in what a network returns, with those named as predictions first.

    >>> [path for path, _ in tensors_of({"loss": torch.tensor(0.0), "logits": torch.zeros(2, 3)})]
    ['logits', 'loss']
    """
    found = list(_inside(returned, "", _DEPTH))
    return sorted(found, key=lambda item: _ORDER.get(item[0], len(_ORDER)))


def shapes_of(returned: object) -> str:
    """Return the shapes of what a network returned, for a message; other objects by their type."""
    if isinstance(returned, Tensor):
        kind = "" if returned.is_floating_point() else f" of {returned.dtype}"
        return f"{tuple(returned.shape)}{kind}"
    shapes = ", ".join(f"{path}: {tuple(tensor.shape)}" for path, tensor in tensors_of(returned))
    return f"{type(returned).__name__} with {shapes or 'no tensors'}"


def _inside(item: object, path: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(item, Tensor):
        yield path, item
        return
    for name, part in _parts(item, top=depth == _DEPTH) if depth else ():
        yield from _inside(part, f"{path}.{name}" if path else str(name), depth - 1)


def _parts(item: object, *, top: bool) -> Iterator[tuple[object, object]]:
    if isinstance(item, Mapping):
        yield from item.items()
    elif isinstance(item, (tuple, list)):
        names = getattr(item, "_fields", range(len(item)))  # of a namedtuple
        yield from zip(names, item, strict=True)
    elif top:
        slots = getattr(type(item), "__slots__", ())
        own = {name: getattr(item, name, None) for name in slots} | getattr(item, "__dict__", {})
        yield from own.items()


def _sides(tensor: Tensor) -> tuple[int, ...]:
    """Return the sizes above 1 of all axes but the batch."""
    return tuple(side for side in tensor.shape[1:] if side > 1)
