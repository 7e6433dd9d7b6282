"""Choices as distances: how alike are two networks in one parameter?

A parameter is *ordered* if all its values are numbers and there are at least three of them; then
the distance is that of the ranks of its different values. Otherwise it is 0 for equal values and 1
for different ones. That a network does not have a parameter (it depends on another choice) counts
as a value of its own, at distance 1 from all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.arguments import is_number

Distances = npt.NDArray[np.float64]
ABSENT = -1
"""The code of a network that does not have the parameter."""
_ORDERED = 3  # different numbers


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter over ``n`` networks.

    Attributes:
        name: Of the parameter.
        values: Its different values, numbers in increasing order.
        codes: Of each network, the row in ``values``, or ``ABSENT``.
        is_ordered: Whether near values are alike.
    """

    name: str
    values: tuple[Any, ...]
    codes: npt.NDArray[np.int64]
    is_ordered: bool

    @classmethod
    def of(cls, name: str, choices: Sequence[Mapping[str, Any]]) -> Parameter:
        """Return the parameter as ``n`` networks have it; values are told apart by their text."""
        found: dict[str, Any] = {}
        for each in choices:
            if name in each:
                found.setdefault(repr(each[name]), each[name])
        is_numeric = all(is_number(value) for value in found.values())
        if is_numeric:
            found = dict(sorted(found.items(), key=lambda item: float(item[1])))
        place = {text: code for code, text in enumerate(found)}
        codes = [place[repr(each[name])] if name in each else ABSENT for each in choices]
        is_ordered = is_numeric and len(found) >= _ORDERED
        return cls(name, tuple(found.values()), np.array(codes, np.int64), is_ordered)

    def varies(self) -> bool:
        """Return whether it differs between networks."""
        return len(np.unique(self.codes)) > 1

    def distances(self, one: npt.ArrayLike, other: npt.ArrayLike) -> Distances:
        """Return the distances between codes, ``len(one) x len(other)``, in [0, 1]."""
        a, b = np.asarray(one)[:, None], np.asarray(other)[None, :]
        if not self.is_ordered:
            return np.asarray(a != b, np.float64)
        ranks = np.abs(a - b) / max(len(self.values) - 1, 1)
        return np.where((a == ABSENT) != (b == ABSENT), 1.0, np.minimum(ranks, 1.0))

    def similarity(self, one: npt.ArrayLike, other: npt.ArrayLike) -> Distances:
        """Return the kernel of the parameter alone, in [0, 1]."""
        distances = self.distances(one, other)
        if not self.is_ordered:
            return 1.0 - distances
        present = (np.asarray(one) != ABSENT)[:, None] == (np.asarray(other) != ABSENT)[None, :]
        similarity: Distances = np.exp(-2.0 * distances) * present
        return similarity
