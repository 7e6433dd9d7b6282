"""Scored networks: what is known of the zero-cost scores of a space's architectures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidArgument
from bonas.spaces import Architecture

Array = npt.NDArray[np.float64]
LookUp = Callable[[Architecture], Mapping[str, float]]
"""An architecture -> a name -> its score, for scores that cost no time."""

_LEAST_KNOWN = 0.5  # of the networks: a score that fewer have is left out


@dataclass(frozen=True, eq=False)
class ScoredNetworks:
    """The scores of ``n`` architectures, ``n x k``, among which others are ranked.

    Scores that most of them lack, and those that are the same for all, are left out.

    Args:
        architectures: The scored architectures, no two equal.
        names: The names of the scores.
        values: ``n x k`` scores; what is not finite counts as missing.
        look_up: Gives the scores of any other architecture; None where that would take time.

    Attributes:
        missing: A name -> how many of the ``n`` architectures lack that score, where some do.

    Raises:
        InvalidArgument: if the shapes do not agree.
    """

    architectures: Sequence[Architecture]
    names: Sequence[str]
    values: Array
    look_up: LookUp | None = None
    missing: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float64)
        if values.shape != (len(self.architectures), len(self.names)):
            raise InvalidArgument(
                f"expected scores {len(self.architectures)} x {len(self.names)}, one row per "
                f"architecture and one column per name, got {values.shape}"
            )
        values[~np.isfinite(values)] = np.nan
        lacking = np.isnan(values).sum(axis=0)
        kept = [j for j, column in enumerate(values.T) if _is_informative(column)]
        missing = {n: int(k) for n, k in zip(self.names, lacking, strict=True) if k}
        object.__setattr__(self, "missing", missing)
        object.__setattr__(self, "names", tuple(self.names[j] for j in kept))
        object.__setattr__(self, "values", values[:, kept])

    def of(self, architecture: Architecture) -> Array:
        """Return the ``k`` scores of an architecture; NaN for those that are not known."""
        row = self._row.get(architecture.key)
        if row is not None:
            known: Array = self.values[row]
            return known
        found = {} if self.look_up is None else self.look_up(architecture)
        scores = np.array([found.get(name, math.nan) for name in self.names], np.float64)
        scores[~np.isfinite(scores)] = np.nan
        return scores

    @cached_property
    def _row(self) -> dict[str, int]:
        """The key of an architecture -> its row."""
        return {a.key: row for row, a in enumerate(self.architectures)}


def _is_informative(column: Array) -> bool:
    """Return whether enough of ``n`` architectures have a score, and not all the same one."""
    known = column[~np.isnan(column)]
    return len(known) >= max(2, _LEAST_KNOWN * len(column)) and bool(known.min() < known.max())
