"""Sizes that know how they came about, so that source reads them instead of repeating a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TracedSize(int):
    """A size of a tensor, or a number computed from sizes; an ``int`` in every other respect.

    Attributes:
        text: The expression that computes it.
        owner: The recording in which that expression is valid.
    """

    text: str
    owner: object

    def __new__(cls, value: int, text: str, owner: object) -> TracedSize:
        """Return the size; its expression must be a name or in brackets."""
        self = super().__new__(cls, value)
        self.text, self.owner = text, owner
        return self

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        return int, (int(self),)

    def __deepcopy__(self, memo: object) -> int:
        return int(self)


def _operation(name: str, symbol: str, *, swapped: bool) -> Callable[[TracedSize, object], Any]:
    compute = getattr(int, name)

    def operation(self: TracedSize, other: object) -> Any:
        value = compute(int(self), other)
        if type(value) is not int or not isinstance(other, int):  # a float, or NotImplemented
            return value
        if isinstance(other, TracedSize) and other.owner is not self.owner:
            return value
        text = other.text if isinstance(other, TracedSize) else str(int(other))
        first, second = (text, self.text) if swapped else (self.text, text)
        return TracedSize(value, f"({first} {symbol} {second})", self.owner)

    return operation


for _name, _symbol in (("add", "+"), ("sub", "-"), ("mul", "*"), ("floordiv", "//"), ("mod", "%")):
    setattr(TracedSize, f"__{_name}__", _operation(f"__{_name}__", _symbol, swapped=False))
    setattr(TracedSize, f"__r{_name}__", _operation(f"__r{_name}__", _symbol, swapped=True))
