"""Thinning: which of many points are drawn, such that the picture stays true.

points    what must stay (a front, failures), the extremes of both axes, then one per cell of a
          grid that is refined while the cells fit, any of each: the earliest would make stripes
lines     per bucket of neighbours the first, the lowest, the highest and the last, so that
          no peak goes
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

Coordinates = npt.NDArray[np.float64]


def points_kept(
    xs: Coordinates, ys: Coordinates, most: int, always: Collection[int] = ()
) -> list[int]:
    """Return at most ``most`` rows in their order; those of ``always`` stay, however many.

    Coordinates are finite.
    """
    if len(xs) <= most:
        return list(range(len(xs)))
    kept = {*always, *(int(np.argmin(v)) for v in (xs, ys)), *(int(np.argmax(v)) for v in (xs, ys))}
    finest: list[int] = []
    for cells in (8, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024):
        rows = [row for row in _one_per_cell(xs, ys, cells) if row not in kept]
        if len(rows) > most - len(kept):
            left = max(most - len(kept), 0)
            finest += _evenly([row for row in rows if row not in {*finest}], left - len(finest))
            break
        finest = rows
    return sorted({*kept, *finest})


def line_kept(ys: Coordinates, most: int) -> list[int]:
    """Return at most ``most`` (at least 4) rows in their order; each peak and each dip stays.

    Values are finite.
    """
    n = len(ys)
    if n <= max(most, 4):
        return list(range(n))
    bounds = np.linspace(0, n, max(most // 4, 1) + 1).astype(int)
    kept: set[int] = set()
    for start, end in itertools.pairwise(bounds):
        part = ys[start:end]
        kept |= {start, start + int(part.argmin()), start + int(part.argmax()), end - 1}
    return sorted(map(int, kept))


def _one_per_cell(xs: Coordinates, ys: Coordinates, cells: int) -> list[int]:
    """Return a row of each cell of a ``cells x cells`` grid over the points."""
    order = np.random.default_rng(0).permutation(len(xs))
    parts = [_binned(values[order], cells) for values in (xs, ys)]
    _, first = np.unique(parts[0] * cells + parts[1], return_index=True)
    return sorted(int(row) for row in order[first])


def _binned(values: Coordinates, cells: int) -> npt.NDArray[np.int64]:
    low, high = values.min(), values.max()
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.minimum((share * cells).astype(np.int64), cells - 1)


def _evenly(rows: Sequence[int], n: int) -> list[int]:
    """Return ``n`` of the rows, evenly spread over their order."""
    if n <= 0 or not rows:
        return []
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int))
    ordered = sorted(rows)
    return [ordered[i] for i in chosen]
