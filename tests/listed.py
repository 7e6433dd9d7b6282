"""A data set whose rows a test writes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch.utils.data import Dataset


class Listed(Dataset[Any]):
    """A data set of the rows in a list, which remembers those that were read."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows = list(rows)
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        return self.rows[index]
