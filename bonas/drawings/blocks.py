"""From an outline to a diagram: a group per block of the network.

A block becomes a group if it reads one operation outside, and one of its operations is read
outside; others are dissolved into what surrounds them.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush

from bonas.drawings.captions import caption, shape_text, tooltip
from bonas.drawings.diagram import ENTRY, Box, Group, Item, Level, Row
from bonas.drawings.kinds import Kind, kind_of
from bonas.spaces.outline import Block, Outline

_TITLE = 40  # characters
_FORM = ("kernel", "stride", "heads")


def whole_level(outline: Outline, marked: Collection[int]) -> Level:
    """Return the outline as a level of boxes of one row, and of a group per block."""
    return _level(outline, marked, flow(outline), 0)


def captions_of(outline: Outline) -> list[str]:
    """Return the caption of each node."""
    triples = zip(outline.graph.labels, outline.sizes, outline.shapes, strict=True)
    return [caption(_readable(label), sizes, shape) for label, sizes, shape in triples]


def flow(outline: Outline) -> list[int]:
    """Return all nodes in topological order; of several possible ones the lowest is first."""
    return _sorted(len(outline), outline.graph.edges)


def _row(outline: Outline, node: int, marked: bool, *, inside: bool) -> Row:
    """Return the row of a node, ``inside`` a group or not."""
    graph, sizes, shape = outline.graph, outline.sizes[node], outline.shapes[node]
    label = _readable(graph.labels[node])
    return Row(
        node,
        kind_of(label),
        caption(label, sizes, shape),
        tooltip(label, sizes, shape),
        _shown_shape(outline, node, graph.predecessors[node], inside=inside),
        marked,
        repr((label, [sizes.get(name, 0) for name in _FORM])),
        sizes.get("outputs", 0),
    )


def _readable(label: str) -> str:
    """Return a label without the characters that XML forbids."""
    return "".join(c if c.isprintable() else "�" if c != "\n" else " " for c in label)


def _shown_shape(outline: Outline, end: int, entries: Collection[int], *, inside: bool) -> str:
    """Return the shape of what a part of the network computes, where its caption leaves it open.

    That is where more than the channels differs from what the part reads, outside of groups.
    """
    shape = outline.shapes[end]
    kind = kind_of(outline.graph.labels[end])
    if inside or not shape or kind is Kind.OUTPUT:
        return ""
    before = {_without_channels(outline.shapes[source]) for source in entries}
    told = kind is not Kind.OTHER and shape == (outline.sizes[end].get("outputs"),)
    if entries and (None in before or told or _without_channels(shape) in before):
        return ""
    return shape_text(shape)


def _without_channels(shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return a shape without its channels, the first of an image and the last of a sequence."""
    if shape is None:
        return None
    return (len(shape), *(shape[1:] if len(shape) > 2 else shape[:-1]))


def _level(outline: Outline, marked: Collection[int], nodes: list[int], depth: int) -> Level:
    """Return the level of some nodes, which are in topological order."""
    groups, loose = _grouped(outline, nodes, depth)
    inside = len(nodes) < len(outline)
    parts: list[tuple[list[int], Item]] = [
        ([node], Box((_row(outline, node, node in marked, inside=inside),))) for node in loose
    ]
    for block, members, inner in groups:
        entries, ends = _doors(outline, members)
        shape = _shown_shape(outline, ends[0], entries, inside=inside)
        level = _level(outline, marked, members, inner)
        group = Group(level, block.name[:_TITLE], shape=shape, fixed=block.fixed)
        parts.append((members, group))
    return _joined(outline, nodes, parts)


def _grouped(
    outline: Outline, nodes: list[int], depth: int
) -> tuple[list[tuple[Block, list[int], int]], list[int]]:
    """Return the blocks that become groups (block, nodes, depth), and all other nodes."""
    found: dict[Block, list[int]] = {}
    loose = []
    for node in nodes:
        blocks = outline.blocks[node]
        if len(blocks) > depth:
            found.setdefault(blocks[depth], []).append(node)
        else:
            loose.append(node)
    groups = []
    for block, members in found.items():
        if 1 < len(members) < len(nodes) and _is_closed(outline, members):
            groups.append((block, members, depth + 1))
        else:
            inner, rest = _grouped(outline, members, depth + 1)
            groups += inner
            loose += rest
    return groups, loose


def _is_closed(outline: Outline, members: list[int]) -> bool:
    """Return whether some nodes read one node outside, and one of them is read outside."""
    graph = outline.graph
    entries, ends = _doors(outline, members)
    starts = [node for node in members if not graph.predecessors[node]]
    stops = [node for node in members if not graph.successors[node]]
    if len(entries) != 1 or len(ends) != 1 or starts or stops:
        return False
    return not _leads(outline, ends[0], next(iter(entries)))


def _doors(outline: Outline, members: list[int]) -> tuple[set[int], list[int]]:
    """Return what some nodes read outside, and those of them that are read outside."""
    graph, inside = outline.graph, set(members)
    entries = {s for node in members for s in graph.predecessors[node] if s not in inside}
    return entries, [n for n in members if not inside.issuperset(graph.successors[n])]


def _leads(outline: Outline, start: int, end: int) -> bool:
    """Return whether a path leads from one node to another."""
    seen, waiting = {start}, [start]
    while waiting:
        for target in outline.graph.successors[waiting.pop()]:
            if target == end:
                return True
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return False


def _joined(outline: Outline, nodes: list[int], parts: list[tuple[list[int], Item]]) -> Level:
    """Return the level of some items with the nodes that they stand for."""
    owner = {node: i for i, (members, _) in enumerate(parts) for node in members}
    edges = set()
    end = -1
    for node in nodes:
        for source in outline.graph.predecessors[node]:
            edges.add((owner.get(source, ENTRY), owner[node]))
        if any(target not in owner for target in outline.graph.successors[node]):
            end = owner[node]
    edges = {(s, t) for s, t in edges if s != t}
    order = _sorted(len(parts), edges)
    place = {old: new for new, old in enumerate(order)} | {ENTRY: ENTRY}
    return Level(
        tuple(parts[i][1] for i in order),
        tuple(sorted((place[s], place[t]) for s, t in edges)),
        place[end] if end >= 0 else len(parts) - 1,
    )


def _sorted(n: int, edges: Collection[tuple[int, int]]) -> list[int]:
    """Sort items so that each comes after what it reads; of several, the lowest number is first."""
    waiting = [0] * n
    after: list[list[int]] = [[] for _ in range(n)]
    for source, target in edges:
        if source != ENTRY:
            waiting[target] += 1
            after[source].append(target)
    ready = [i for i in range(n) if not waiting[i]]
    order = []
    while ready:
        item = heappop(ready)
        order.append(item)
        for target in after[item]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, target)
    return order
