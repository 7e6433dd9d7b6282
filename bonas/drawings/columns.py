"""Deep networks in columns, like a text in a newspaper.

A chain that is higher than ``_HIGH`` is broken where a single line leads on; the line goes from the
foot of a column to the head of the next one.
"""

from __future__ import annotations

import math
from itertools import pairwise

from bonas.drawings.diagram import Level
from bonas.drawings.geometry import Picture
from bonas.drawings.placement import Order, placed
from bonas.drawings.repeats import part_of, segments

_HIGH = 860.0
_ASPECT = 1.5  # width over height that is wished for
_WIDE = 1000.0  # columns beside each other, unless they are very high
_HIGHEST = 1600.0
_WORTH = 0.65  # of the height of a single column, at most
_GUTTER = 44.0
_TURN = 12.0  # how far above and below the columns a line turns


def in_columns(level: Level, order: Order) -> Picture:
    """Return the picture of a level, in several columns where one would be too high."""
    whole = placed(level, order)
    if whole.height <= _HIGH:
        return whole
    wished = round(math.sqrt(_ASPECT * whole.height / (whole.width + _GUTTER)))
    fitting = int((_WIDE + _GUTTER) / (whole.width + _GUTTER))
    count = min(wished, max(fitting, round(whole.height / _HIGHEST)))
    if count < 2:
        return whole
    parts = _parts(level, order, whole.height / count)
    last = len(parts) - 1
    columns = [placed(p, order, enters=i > 0, leaves=i < last) for i, p in enumerate(parts)]
    picture = _beside(columns)
    return picture if picture.height < _WORTH * whole.height else whole


def _parts(level: Level, order: Order, high: float) -> list[Level]:
    """Return consecutive parts of a level, each about ``high``."""
    parts: list[list[int]] = [[]]
    filled = 0.0
    for segment in segments(level):
        height = placed(part_of(level, segment), order, leaves=True).height
        if parts[-1] and filled + height / 2 > high * len(parts):
            parts.append([])
        parts[-1] += segment
        filled += height
    return [part_of(level, part) for part in parts]


def _beside(columns: list[Picture]) -> Picture:
    """Return columns beside each other, and the lines between them."""
    height = max(column.height for column in columns)
    lefts = [0.0]
    for column in columns[:-1]:
        lefts.append(round(lefts[-1] + column.width + _GUTTER, 1))
    picture = Picture(lefts[-1] + columns[-1].width, height + 2 * _TURN)
    for column, left in zip(columns, lefts, strict=True):
        picture.add(column, left, _TURN)
    for (a, left), (b, right) in pairwise(zip(columns, lefts, strict=True)):
        foot, head, middle = left + a.leaves, right + b.enters, right - _GUTTER / 2
        bottom = a.height + 2 * _TURN
        corners = ((foot, a.height + _TURN), (foot, bottom), (middle, bottom))
        picture.turns.append((*corners, (middle, 0.0), (head, 0.0), (head, _TURN)))
    return picture
