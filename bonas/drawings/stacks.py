"""Stacks: a norm, an activation or a dropout stands on the box that alone feeds it."""

from __future__ import annotations

from dataclasses import replace

from bonas.drawings.diagram import Box, Group, Item, Level
from bonas.drawings.kinds import Kind

_CARRIES = frozenset(
    {Kind.CONVOLUTION, Kind.LINEAR, Kind.NORM, Kind.RECURRENT, Kind.ACTIVATION, Kind.ATTENTION}
)
_CARRIED = frozenset({Kind.NORM, Kind.ACTIVATION})
_MOST = 4  # rows in a stack


def stacked(level: Level) -> Level:
    """Return the level with chains of boxes joined to stacks, in its groups, too."""
    items = [_inner(item) for item in level.items]
    parts: list[tuple[list[int], Item]] = []
    at: dict[int, int] = {}  # the last position of a part -> the part
    for i, item in enumerate(items):
        below = _below(level, items, i)
        if below is not None and below in at and len(parts[at[below]][0]) < _MOST:
            part = at.pop(below)
            positions, under = parts[part]
            assert isinstance(under, Box)
            assert isinstance(item, Box)
            parts[part] = ([*positions, i], Box(under.rows + item.rows))
        else:
            part = len(parts)
            parts.append(([i], item))
        at[i] = part
    return level.replaced(parts)


def _inner(item: Item) -> Item:
    return replace(item, level=stacked(item.level)) if isinstance(item, Group) else item


def _below(level: Level, items: list[Item], i: int) -> int | None:
    """Return the item that an item stands on; None if it stands alone."""
    item, sources = items[i], level.sources[i]
    if not isinstance(item, Box) or item.last.kind not in _CARRIED or len(sources) != 1:
        return None
    before = sources[0]
    if before < 0 or len(level.targets[before]) != 1 or before == level.end:
        return None
    under = items[before]
    return before if isinstance(under, Box) and under.last.kind in _CARRIES else None
