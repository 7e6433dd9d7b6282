"""What users give as measured architectures: pairs, tables, and the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard

import numpy as np

from bonas.spaces import Choices


class Frame(Protocol):
    """A table with columns, such as a pandas DataFrame."""

    def to_dict(self, orient: Any, /) -> Any:
        """With ``"records"``: a list with a dict for each row."""
        ...


def is_pair(row: object) -> TypeGuard[tuple[Choices, Mapping[str, Any]]]:
    """Whether it is a pair of choices and of values, each by their names."""
    return isinstance(row, Sequence) and len(row) == 2 and all(isinstance(p, Mapping) for p in row)


def plain(value: Any) -> Any:
    """A value of Python for one of NumPy; all else as it is."""
    return value.item() if isinstance(value, np.generic) else value
