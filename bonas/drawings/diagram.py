"""A diagram: boxes and groups of boxes, and what reads what.

    Level    items in the order in which data flow, and edges between them
    Box      rows of operations, stacked on one another: conv, norm, activation
    Group    a level in a frame, drawn once for several equal ones
    Folded   one row that stands for a group which is drawn elsewhere, at another width

``ENTRY`` is what a group reads; of its items one is the ``end``, which alone is read outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bonas.drawings.kinds import Kind
from bonas.spaces.graph import ArchitectureGraph

ENTRY = -1
"""The source of edges that come into a level from outside."""

Edge = tuple[int, int]


@dataclass(frozen=True)
class Row:
    """One operation.

    Attributes:
        node: Its index in the graph; -1 for a row that stands for a group.
        kind: What it does.
        text: Its caption.
        detail: What is shown when the pointer rests on it.
        shape: Of its output, empty where it is not to be shown.
        marked: Whether it stands out.
        form: What is the same at any width: label, kernel, stride, heads.
        width: Channels of its output, 0 where unknown.
        stands_for: How many operations of the network it is.
    """

    node: int
    kind: Kind
    text: str
    detail: str
    shape: str = ""
    marked: bool = False
    form: str = ""
    width: int = 0
    stands_for: int = 1


@dataclass(frozen=True)
class Box:
    """Rows on top of each other, ``times`` in a row."""

    rows: tuple[Row, ...]
    times: int = 1

    @property
    def operations(self) -> int:
        """How many operations it has, those of its own repetitions not counted."""
        return sum(row.stands_for for row in self.rows)

    @property
    def marked(self) -> bool:
        """Whether a row is marked."""
        return any(row.marked for row in self.rows)

    @property
    def last(self) -> Row:
        """The row whose output is read."""
        return self.rows[-1]

    @property
    def width(self) -> int:
        """Channels of its output, those of the last row that says so; 0 where unknown."""
        return next((row.width for row in reversed(self.rows) if row.width), 0)

    @property
    def shape(self) -> str:
        """The shape of its output, where it is to be shown."""
        return next((row.shape for row in reversed(self.rows) if row.shape), "")

    @cached_property
    def signature(self) -> str:
        """A text that is equal for boxes of the same operations, sizes and costs."""
        rows = [(row.text, row.detail, row.shape, row.marked) for row in self.rows]
        return repr((rows, self.times))

    def form(self, unit: int) -> str:
        """Return a text that is equal for boxes that are alike at another width."""
        rows = [(row.form, row.width / unit, row.marked) for row in self.rows]
        return repr((rows, self.times))


@dataclass(frozen=True)
class Group:
    """A level in a frame, ``times`` in a row; ``title`` is empty where only that is to be said.

    ``shape`` is that of its output, empty where it is not to be shown. A ``fixed`` group is the
    same in all networks, so that one row can stand for it.
    """

    level: Level
    title: str = ""
    times: int = 1
    shape: str = ""
    fixed: bool = False

    @property
    def operations(self) -> int:
        """How many operations it has, those of its own repetitions not counted."""
        return sum(item.operations * item.times for item in self.level.items)

    @property
    def marked(self) -> bool:
        """Whether a row in it is marked."""
        return any(item.marked for item in self.level.items)

    @property
    def width(self) -> int:
        """Channels of its output, those of the last row that says so; 0 where unknown."""
        widths = (item.width for item in reversed(self.level.items))
        return next((width for width in widths if width), 0)

    @cached_property
    def signature(self) -> str:
        """A text that is equal for groups of the same operations."""
        return repr((self.title, self.times, self.shape, self.level.signature))

    def form(self, unit: int) -> str:
        """Return a text that is equal for groups that are alike at another width."""
        labels = [item.form(unit) for item in self.level.items]
        return repr((self.title, self.times, self.level.hashed(labels)))


Item = Box | Group


@dataclass(frozen=True)
class Level:
    """Items and the edges between them, in topological order.

    Attributes:
        items: Boxes and groups.
        edges: Pairs (source, target) of positions in ``items``; the source may be ``ENTRY``.
        end: The item that is read outside.
    """

    items: tuple[Item, ...]
    edges: tuple[Edge, ...]
    end: int = -1

    @cached_property
    def signature(self) -> str:
        """A text that is equal for levels of the same operations."""
        return self.hashed([item.signature for item in self.items])

    def hashed(self, labels: list[str]) -> str:
        """Return a text that isomorphic levels with these labels share."""
        edges = [(s + 1, t + 1) for s, t in self.edges]
        end = self.end % len(self.items)
        labels = [f"{'end' * (i == end)} {label}" for i, label in enumerate(labels)]
        return ArchitectureGraph(["entry", *labels], edges).canonical_hash

    @cached_property
    def sources(self) -> Mapping[int, list[int]]:
        """An item -> the items that it reads, and ``ENTRY``."""
        found: dict[int, list[int]] = {i: [] for i in range(len(self.items))}
        for source, target in self.edges:
            found[target].append(source)
        return found

    @cached_property
    def targets(self) -> Mapping[int, list[int]]:
        """An item or ``ENTRY`` -> the items that read it."""
        found: dict[int, list[int]] = {i: [] for i in range(-1, len(self.items))}
        for source, target in self.edges:
            found[source].append(target)
        return found

    def replaced(self, parts: list[tuple[list[int], Item]]) -> Level:
        """Return the level with one item in place of several, each read through its last one.

        Args:
            parts: Items in topological order with the positions that they stand for; every position
                is in exactly one.
        """
        place = {old: new for new, (olds, _) in enumerate(parts) for old in olds}
        place[ENTRY] = ENTRY
        edges = {(place[s], place[t]) for s, t in self.edges if place[s] != place[t]}
        items = tuple(item for _, item in parts)
        return Level(items, tuple(sorted(edges)), place[self.end % len(self.items)])


def rows_of(level: Level) -> Iterator[tuple[Row, int]]:
    """Yield every row that is drawn, with how many operations of the network it stands for."""
    for item in level.items:
        if isinstance(item, Box):
            yield from ((row, item.times) for row in item.rows)
        else:
            yield from ((row, n * item.times) for row, n in rows_of(item.level))
