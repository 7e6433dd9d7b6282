"""Layers: where a node stands in the flow, and the order of nodes within a layer.

1. A node's layer is the length of the longest path that leads to it.
2. An edge over several layers passes through a dummy node in each layer between its ends.
3. Within layers, nodes are ordered by the mean position of their neighbours in the layer before,
   and in the layer after, in turn; neighbours in a layer are swapped where that removes crossings.
   The order with the fewest crossings is kept.

Source: Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system
structures", IEEE Transactions on Systems, Man, and Cybernetics.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[int, int]

_SWEEPS = 8
_STARTS = 6
_SEED = 5  # any fixed number
_SWAPPED = 400  # nodes, dummies included, of the largest network in which neighbours are swapped


@dataclass(frozen=True, slots=True)
class Layered:
    """Nodes in layers, with a chain of dummy nodes for each edge that skips layers.

    Attributes:
        layers: The nodes of each layer in their order, from left to right; numbers from ``n`` on
            are dummies.
        chains: An edge -> its nodes from the source to the target, one per layer.
        n: The number of real nodes.
    """

    layers: tuple[tuple[int, ...], ...]
    chains: dict[Edge, tuple[int, ...]]
    n: int

    @property
    def crossings(self) -> int:
        """How often two edges cross."""
        return _crossings(self.layers, _neighbours(self.chains)[1])


def layers_of(n: int, edges: Sequence[Edge], last: int | None = None) -> list[int]:
    """Return the layer of each of ``n`` nodes in topological order.

    Nodes without a source stand right before what reads them; ``last`` stands in the last layer.
    """
    layer = [0] * n
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        layer[target] = max(layer[target], layer[source] + 1)
    targets: dict[int, list[int]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    fed = {target for _, target in edges}
    for node in range(1, n):
        if node not in fed and node in targets:
            layer[node] = min(layer[target] for target in targets[node]) - 1
    if last is not None:
        layer[last] = max(layer)
    return layer


def layered(n: int, edges: Sequence[Edge], last: int | None = None) -> Layered:
    """Return ``n`` nodes, numbered in topological order, in ordered layers."""
    layer = layers_of(n, edges, last)
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for node in range(n):
        rows[layer[node]].append(node)
    chains, free = {}, n
    for source, target in edges:
        between = range(layer[source] + 1, layer[target])
        chains[source, target] = (source, *range(free, free + len(between)), target)
        for at, dummy in zip(between, range(free, free + len(between)), strict=True):
            rows[at].append(dummy)
        free += len(between)
    return Layered(_ordered(rows, chains, free), chains, n)


def _neighbours(chains: dict[Edge, tuple[int, ...]]) -> tuple[dict[int, list[int]], ...]:
    """Return the neighbours of each node in the layer before, and in the layer after."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for chain in chains.values():
        for source, target in pairwise(chain):
            after.setdefault(source, []).append(target)
            before.setdefault(target, []).append(source)
    return before, after


def _ordered(
    rows: list[list[int]], chains: dict[Edge, tuple[int, ...]], nodes: int
) -> tuple[tuple[int, ...], ...]:
    """Return the order of few crossings among those that the sweeps pass through.

    Small networks are swept from several orders, which are the same every time.
    """
    before, after = _neighbours(chains)
    best = tuple(map(tuple, rows))
    fewest = _crossings(best, after)
    shuffle = random.Random(_SEED).shuffle
    for start in range(_STARTS if nodes <= _SWAPPED else 1):
        if start > 1:
            for row in rows:
                shuffle(row)
        for sweep in range(start % 2, _SWEEPS + start % 2):
            if not fewest:
                return best
            _sweep(rows, before, after, down=sweep % 2 == 0, swap=nodes <= _SWAPPED)
            found = _crossings(rows, after)
            if found < fewest:
                best, fewest = tuple(map(tuple, rows)), found
    return best


def _sweep(
    rows: list[list[int]],
    before: dict[int, list[int]],
    after: dict[int, list[int]],
    *,
    down: bool,
    swap: bool,
) -> None:
    """Order one layer after the other by the one before it, or upwards by the one after it."""
    near = before if down else after
    for i in range(1, len(rows)) if down else reversed(range(len(rows) - 1)):
        place = {node: x for x, node in enumerate(rows[i - 1 if down else i + 1])}
        rows[i] = _by_means(rows[i], near, place)
    for i in range(len(rows) if swap else 0):
        _swap(rows, i, before, after)


def _by_means(row: list[int], near: dict[int, list[int]], place: dict[int, int]) -> list[int]:
    """Sort a layer by the mean place of neighbours; nodes without any keep their place."""
    means = {
        node: sum(place[other] for other in near[node]) / len(near[node])
        for node in row
        if near.get(node)
    }
    moved = iter(sorted(means, key=lambda node: (means[node], row.index(node))))
    return [next(moved) if node in means else node for node in row]


def _swap(
    rows: list[list[int]],
    i: int,
    before: dict[int, list[int]],
    after: dict[int, list[int]],
) -> None:
    """Swap neighbours in a layer where that removes crossings."""
    sides = []
    if i:
        sides.append((before, {node: x for x, node in enumerate(rows[i - 1])}))
    if i + 1 < len(rows):
        sides.append((after, {node: x for x, node in enumerate(rows[i + 1])}))
    row = rows[i]
    for _ in row:
        swapped = False
        for j in range(len(row) - 1):
            left, right = row[j], row[j + 1]
            gain = 0
            for near, place in sides:
                a = [place[node] for node in near.get(left, ())]
                b = [place[node] for node in near.get(right, ())]
                gain += sum((x > y) - (x < y) for x in a for y in b)
            if gain > 0:
                row[j], row[j + 1] = right, left
                swapped = True
        if not swapped:
            break


def _crossings(rows: Sequence[Sequence[int]], after: dict[int, list[int]]) -> int:
    """Count how often two edges cross."""
    total = 0
    for row, below in pairwise(rows):
        place = {node: x for x, node in enumerate(below)}
        ends: list[int] = []
        for node in row:
            own = sorted(place[target] for target in after.get(node, ()))
            total += sum(len(ends) - bisect_left(ends, x + 1) for x in own)
            for x in own:
                insort(ends, x)
    return total
