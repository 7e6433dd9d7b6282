"""A torch function as it was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.signatures import bind

_PLAIN = frozenset({int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device})


class Call:
    """A torch function as it was called, and the first tensor it returned.

    Attributes:
        name: The function's plain name.
        time_first: Whether it read the example's first dimension as time.
    """

    __slots__ = (
        *("_defaults", "_tensors", "_values", "args", "function", "kwargs", "name", "out"),
        "time_first",
    )

    def __init__(
        self,
        name: str,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Tensor,
    ) -> None:
        self.name, self.function, self.args, self.kwargs = name, function, args, kwargs
        self.out, self.time_first = out, False
        self._values: dict[str, Any] | None = None
        self._defaults: Mapping[str, Any] = {}
        self._tensors: list[tuple[str, Tensor]] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by name."""
        if self._values is None:
            self._values, self._defaults = bind(self.function, self.args, self.kwargs)
        return self._values

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The defaults of the parameters that have one."""
        if self._values is None:
            _ = self.values
        return self._defaults

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument by name; ``default`` where it is absent or None."""
        value = self.values.get(name)
        return default if value is None else value

    def at(self, place: int, name: str) -> Any:
        """Return an argument by position, or by name if it was passed by name."""
        return self.args[place] if place < len(self.args) else self.get(name)

    @property
    def first(self) -> Tensor:
        """The first tensor among the arguments."""
        return self.tensors()[0][1]

    def tensors(self) -> list[tuple[str, Tensor]]:
        """Return all tensors in order, with the names of the arguments that hold them.

        The name is empty for an argument that was passed by position, see ``named_tensors``.
        """
        if self._tensors is None:
            if not self.kwargs:
                self._tensors = [("", t) for t in tensors_of(self.args)]
            else:
                self._tensors = self.named_tensors()
        return self._tensors

    def named_tensors(self) -> list[tuple[str, Tensor]]:
        """Return all tensors in order, with the names of the parameters that hold them."""
        return [
            (name, tensor) for name, value in self.values.items() for tensor in tensors_of(value)
        ]


def tensors_of(item: object) -> list[Tensor]:
    """Return all tensors in nested tuples, lists and mappings."""
    if isinstance(item, Tensor):
        return [item]
    if isinstance(item, Mapping):
        item = tuple(item.values())
    if not isinstance(item, (tuple, list)):
        return []
    found = []
    for part in item:
        if isinstance(part, Tensor):
            found.append(part)
        elif type(part) not in _PLAIN:
            found += tensors_of(part)
    return found
