"""From a diagram to places: each level is laid out in layers, groups first.

Nodes of a layer share a band. Lines run straight through the bands, where a dummy node keeps room
for them, and bend only in the gaps between bands: they never run through a box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bonas.drawings.coordinates import Extent, places
from bonas.drawings.diagram import ENTRY, Box, Group, Item, Level, Row
from bonas.drawings.geometry import Frame, Line, Note, Picture, PlacedBox, Point
from bonas.drawings.kinds import Kind
from bonas.drawings.layers import Edge, Layered, layered
from bonas.drawings.text_width import shortened, text_width

TEXT = 12.0
SMALL = 10.0
ROW = 22.0
LONGEST = 230.0
"""The width of the longest caption; the rest of it is left to the tooltip."""

_GAP = 16.0  # between neighbours in a layer
_FALL = 22.0  # between layers, at least
_STEEPEST = 0.07  # of a line's way to the side is added to the gap that it bends in
_MOST_FALL = 40.0
_NOTED = 30.0  # the same where a shape stands in it
_PADDING = 10.0  # beside a caption, and in a frame
_TITLE = 20.0
_JOIN = 20.0
_CARD = 4.0  # how far the card behind a folded block stands out

Order = Callable[[int, Sequence[Edge], int | None], Layered]
"""Puts nodes in layers and each layer in order, as ``bonas.drawings.layers.layered`` does."""


def shown_text(row: Row, times: int = 1) -> str:
    """Return the caption of a row as it is drawn: cut where it is too long, with the repetition.

    A row that stands for a block has its width behind that: ``cell × 5, 32``.
    """
    text = shortened(row.text, TEXT, LONGEST)
    text = f"{text} × {times}" if times > 1 else text
    return f"{text}, {row.width}" if row.kind is Kind.BLOCK and row.width else text


def box_size(box: Box) -> tuple[float, float]:
    """Return width and height of a box."""
    if is_symbol(box):
        return _JOIN, _JOIN
    widths = [text_width(shown_text(row, box.times), TEXT, bold=row.marked) for row in box.rows]
    return round(max(widths) + 2 * _PADDING), ROW * len(box.rows)


def is_symbol(box: Box) -> bool:
    """Return whether a box is a single sign in a circle, a sum or a product."""
    return len(box.rows) == 1 and box.last.kind is Kind.JOIN and len(box.last.text) == 1


@dataclass(frozen=True, slots=True)
class _Node:
    """What takes room in a level: an item, or the point where lines come in or go out.

    ``enters`` and ``leaves`` are where lines do so, from the left side.
    """

    width: float
    height: float
    enters: float
    leaves: float
    item: Item | None = None
    picture: Picture | None = None

    @property
    def extent(self) -> Extent:
        """How far it reaches from where lines come in."""
        return Extent(self.enters, self.width - self.enters, self.leaves - self.enters)

    @property
    def note(self) -> str:
        """The shape that stands under it."""
        return "" if self.item is None else self.item.shape


def placed(
    level: Level, order: Order = layered, *, enters: bool = False, leaves: bool = False
) -> Picture:
    """Return the picture of a level.

    Args:
        level: What is drawn.
        order: How layers are found.
        enters: Whether a line comes in from above, as in a frame.
        leaves: Whether one goes out below.
    """
    nodes = [_node(item, order) for item in level.items]
    edges = [edge for edge in level.edges if enters or edge[0] != ENTRY]
    if enters:
        nodes.insert(0, _Node(0, _TITLE, 0, 0))
        edges = [(source + 1, target + 1) for source, target in edges]
    if leaves:
        edges.append((level.end % len(level.items) + enters, len(nodes)))
        nodes.append(_Node(0, 0, 0, 0))
    found = order(len(nodes), edges, len(nodes) - 1 if leaves else None)
    x = _from_zero(places(found, {i: node.extent for i, node in enumerate(nodes)}, _GAP), nodes)
    bands = _bands(found, nodes, x)
    width = max(x[i] + node.extent.right for i, node in enumerate(nodes))
    picture = Picture(max(width, *x.values()), bands[-1][1], x[0], x[len(nodes) - 1])
    layer = {i: k for k, row in enumerate(found.layers) for i in row}
    tops = {}
    for i, node in enumerate(nodes):
        top, bottom = bands[layer[i]]
        tops[i] = round((top + bottom - node.height) / 2, 1)
        _put(picture, node, x[i] - node.enters, tops[i])
    for chain in found.chains.values():
        source, target = nodes[chain[0]], nodes[chain[-1]]
        points = [(x[chain[0]] + source.extent.out, tops[chain[0]] + source.height)]
        for i in chain:
            at = points[0][0] if i == chain[0] else x[i]
            points += [(at, y) for y in bands[layer[i]]][i == chain[0] :]
        points[-1] = (x[chain[-1]], tops[chain[-1]])
        picture.lines.append(Line(_distinct(points), isinstance(target.item, Box)))
    if enters:
        picture.lines.append(Line(((x[0], 0.0), (x[0], _TITLE)), False))
    return picture


def _node(item: Item, order: Order) -> _Node:
    if isinstance(item, Box):
        width, height = box_size(item)
        return _Node(width, height, width / 2, width / 2, item)
    picture = _framed(item, order)
    return _Node(picture.width, picture.height, picture.enters, picture.leaves, item, picture)


def _framed(group: Group, order: Order) -> Picture:
    """Return the picture of a group: its level in a frame, with the title left of what comes in."""
    inner = placed(group.level, order, enters=True, leaves=True)
    title = frame_title(group)
    room = text_width(title, SMALL, bold=True) + 2 * _PADDING
    left = round(max(_PADDING, room - inner.enters), 1)
    width = round(left + inner.width + _PADDING, 1)
    picture = Picture(width, inner.height, left + inner.enters, left + inner.leaves)
    repeated = group.times > 1
    picture.frames.append(Frame(title, 0.0, 0.0, width, inner.height, repeated, group.marked))
    picture.add(inner, left, 0.0)
    return picture


def frame_title(group: Group) -> str:
    """Return what stands on a frame: the name of the block, and how often it follows itself."""
    parts = [shortened(group.title, SMALL, LONGEST)] if group.title else []
    return " ".join([*parts, *([f"× {group.times}"] if group.times > 1 else [])])


def _from_zero(x: dict[int, float], nodes: Sequence[_Node]) -> dict[int, float]:
    """Return places of which the leftmost is 0."""
    left = min(at - (nodes[i].enters if i < len(nodes) else 0.0) for i, at in x.items())
    return {i: round(max(at - left, 0.0), 1) for i, at in x.items()}


def _bands(
    found: Layered, nodes: Sequence[_Node], x: dict[int, float]
) -> list[tuple[float, float]]:
    """Return where each layer begins and ends; a gap is higher where lines bend far in it."""
    aside = [0.0] * len(found.layers)  # how far a line bends below a layer
    layer = {i: k for k, row in enumerate(found.layers) for i in row}
    for chain in found.chains.values():
        for a, b in pairwise(chain):
            out = nodes[a].extent.out if a < len(nodes) else 0.0
            aside[layer[a]] = max(aside[layer[a]], abs(x[b] - x[a] - out))
    bands, y = [], 0.0
    for row, bend in zip(found.layers, aside, strict=True):
        real = [nodes[i] for i in row if i < len(nodes)]
        height = max((node.height for node in real), default=0.0)
        bands.append((y, y + height))
        fall = min(_FALL + _STEEPEST * bend, _MOST_FALL)
        y += height + round(max(fall, _NOTED if any(node.note for node in real) else 0.0))
    return bands


def _put(picture: Picture, node: _Node, left: float, top: float) -> None:
    """Draw a node, and the shape of its output below it."""
    if isinstance(node.item, Box):
        picture.boxes.append(PlacedBox(node.item, left, top, node.width, node.height))
    elif node.picture is not None:
        picture.add(node.picture, left, top)
    if node.note:
        card = _CARD if isinstance(node.item, Box) and node.item.last.kind is Kind.BLOCK else 0
        below = Note(node.note, left + node.leaves + 6, top + node.height + 12 + card)
        picture.notes.append(below)


def _distinct(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points of a line without those that lie on the way, straight down."""
    kept = list(points[:1])
    for point in points[1:]:
        if point == kept[-1]:
            continue
        if len(kept) > 1 and kept[-2][0] == kept[-1][0] == point[0]:
            kept.pop()
        kept.append(point)
    return tuple(kept)
