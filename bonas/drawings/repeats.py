"""Repetitions: equal consecutive parts are drawn once, with how often they follow each other.

An item is a *cut* if everything before it reaches what comes after only through it. The items
between two cuts, with the second one, are a segment; a network is a chain of segments. Of all
repetitions ``x x ... x`` of one or more segments, the one that hides most is folded first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bonas.drawings.diagram import ENTRY, Box, Group, Item, Level
from bonas.drawings.kinds import Kind

_SINGLE = 3  # equal boxes of one row that are drawn as one
_BEFORE = frozenset({Kind.ACTIVATION, Kind.JOIN, Kind.POOLING, Kind.IDENTITY, Kind.NOTHING})
"""Kinds with which a repeated part does not begin, where it could begin with another one."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """``times`` times ``period`` segments from ``start`` on."""

    start: int
    period: int
    times: int


def folded(level: Level) -> Level:
    """Return the level with its repetitions folded, those in its groups first."""
    items = [
        replace(item, level=folded(item.level)) if isinstance(item, Group) else item
        for item in level.items
    ]
    level = replace(level, items=tuple(items))
    while (smaller := _folded_once(level)) is not None:
        level = smaller
    return level


def segments(level: Level) -> list[list[int]]:
    """Return the segments of a level: positions that follow each other, the last one a cut."""
    n = len(level.items)
    furthest = max(level.targets[ENTRY], default=-1)
    started = max((i for i in range(1, n) if not level.sources[i]), default=0)
    found, begin = [], 0
    for i in range(n):
        if i == n - 1 or (furthest <= i and i >= started):
            found.append(list(range(begin, i + 1)))
            begin = i + 1
        furthest = max(furthest, max(level.targets[i], default=n))  # a dead end is never passed
    return found


def _folded_once(level: Level) -> Level | None:
    """Return the level with one repetition folded; None if there is none."""
    chain = segments(level)
    names: dict[str, int] = {}
    marks = [names.setdefault(_signature(level, part), len(names)) for part in chain]
    best = _best(level, chain, marks)
    if best is None:
        return None
    parts: list[tuple[list[int], Item]] = []
    k = 0
    while k < len(chain):
        if k == best.start:
            size = best.period * best.times
            positions = [i for part in chain[k : k + size] for i in part]
            inside = [i for part in chain[k : k + best.period] for i in part]
            parts.append((positions, _repeated(level, inside, best.times)))
            k += size
        else:
            parts += [([i], level.items[i]) for i in chain[k]]
            k += 1
    return level.replaced(parts)


def _best(level: Level, chain: list[list[int]], marks: Sequence[int]) -> Repetition | None:
    """Return the repetition that hides most operations, of equal ones the shortest, then first."""
    best, most = None, (0, 0, 0, 0)
    sizes = [sum(level.items[i].operations for i in part) for part in chain]
    before = [0, *accumulate(sizes)]
    for period in range(1, len(marks) // 2 + 1):
        run = 0  # of segments that equal the one a period later
        for i in reversed(range(len(marks) - period)):
            run = run + 1 if marks[i] == marks[i + period] else 0
            if run < period:
                continue
            times = run // period + 1
            weight = before[i + period] - before[i]
            if times < (_SINGLE if weight == 1 else 2):
                continue
            natural = _kind(level.items[chain[i][0]]) not in _BEFORE
            value = ((times - 1) * weight, natural, -period, -i)
            if value > most:
                best, most = Repetition(i, period, times), value
    return best


def _kind(item: Item) -> Kind | None:
    return item.rows[0].kind if isinstance(item, Box) else None


def _signature(level: Level, part: list[int]) -> str:
    """Return a text that is equal for segments of the same operations."""
    if len(part) == 1 and len(level.sources[part[0]]) == 1:
        return level.items[part[0]].signature
    return part_of(level, part).signature


def part_of(level: Level, positions: list[int]) -> Level:
    """Return consecutive segments as a level of their own."""
    place = {old: new for new, old in enumerate(positions)}
    edges = {(place.get(s, ENTRY), place[t]) for t in positions for s in level.sources[t]}
    items = tuple(level.items[i] for i in positions)
    return Level(items, tuple(sorted(edges)), len(items) - 1)


def _repeated(level: Level, positions: list[int], times: int) -> Item:
    """Return one item for a part of the chain that stands there several times."""
    first = level.items[positions[0]]
    if (
        len(positions) == 1
        and first.times == 1
        and (isinstance(first, Group) or first.operations == 1)
    ):
        return replace(first, times=times)
    return Group(folded(part_of(level, positions)), times=times)
