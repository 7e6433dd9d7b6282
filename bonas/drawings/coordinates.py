"""Coordinates: where nodes of ordered layers stand, from left to right.

A *strand* is a long edge, or a chain of nodes each of which is the middle one of what its
neighbours read or feed; it is to be a straight line.

In each layer the places x_1 < x_2 < ... minimise  sum_i w_i (x_i - t_i)^2  with x_{i+1} - x_i at
least the distance of the two nodes. Here t_i is the mean place of the neighbours of i, and w_i the
weight of its edges; those within strands weigh more. Pooling adjacent violators solves it exactly.
Layers are solved downwards and upwards in turn.

Then strands are drawn straight, the longest first, as far as they leave room for each other, and
what is left between them is placed again.

Source: Barlow, Bartholomew, Bremner and Brunk (1972), "Statistical inference under order
restrictions", Wiley.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bonas.drawings.layers import Layered

_SWEEPS = 12
_FEWER = 4  # sweeps through very large networks
_LARGE = 1500  # nodes, dummies included
_LAST = 4  # sweeps after strands were straightened
_STRAIGHT, _BENT = 8.0, 1.0  # weights of edges within strands, and of others
_FIXED = 1e6


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a node reaches to the left and right of where edges come in.

    ``out`` is how much further to the right they go out.
    """

    left: float
    right: float
    out: float = 0.0


def places(layered: Layered, extents: Mapping[int, Extent], gap: float) -> dict[int, float]:
    """Return the x of each node's port, dummies included.

    Args:
        layered: Nodes in layers.
        extents: Of the real nodes; a dummy has none.
        gap: Between two nodes of a layer.
    """
    point = Extent(0.0, 0.0)
    strands = _strands(layered)
    near = _neighbours(layered, extents, strands)
    distances = [
        [extents.get(a, point).right + gap + extents.get(b, point).left for a, b in pairwise(row)]
        for row in layered.layers
    ]
    x = _packed(layered, distances)
    sweeps = _SWEEPS if len(x) <= _LARGE else _FEWER
    for sweep in range(sweeps):
        _sweep(layered, distances, near, x, sweep, both=sweep >= sweeps - 2)
    fixed = _straighten(layered, strands, distances, extents, x)
    for sweep in range(_LAST):
        _sweep(layered, distances, near, x, sweep, both=True, fixed=fixed)
    _straighten(layered, strands, distances, extents, x)
    return x


def _sweep(
    layered: Layered,
    distances: list[list[float]],
    near: Mapping[int, list[Near]],
    x: dict[int, float],
    sweep: int,
    *,
    both: bool,
    fixed: Collection[int] = (),
) -> None:
    """Place one layer after the other, downwards in even sweeps, by one side or by both."""
    count = len(layered.layers)
    sides = (-1, 1) if both else ((-1,), (1,))[sweep % 2]
    for i in range(count) if sweep % 2 == 0 else reversed(range(count)):
        _place(layered.layers[i], distances[i], near, sides, x, fixed)


Near = tuple[int, int, float, float]
"""The side of a neighbour (-1 above, 1 below), its number, how far right of it a node wants to be,
and the weight of the edge."""


def _neighbours(
    layered: Layered, extents: Mapping[int, Extent], strands: Sequence[Sequence[int]]
) -> dict[int, list[Near]]:
    near: dict[int, list[Near]] = {}
    straight = {pair for strand in strands for pair in pairwise(strand)}
    for chain in layered.chains.values():
        for a, b in pairwise(chain):
            weight = _STRAIGHT if (a, b) in straight else _BENT
            out = extents[a].out if a in extents else 0.0
            near.setdefault(a, []).append((1, b, -out, weight))
            near.setdefault(b, []).append((-1, a, out, weight))
    return near


def _packed(layered: Layered, distances: list[list[float]]) -> dict[int, float]:
    """Return places in which each layer is packed and centred."""
    x = {}
    for row, steps in zip(layered.layers, distances, strict=True):
        at = -sum(steps) / 2
        for node, step in zip(row, [*steps, 0.0], strict=True):
            x[node] = at
            at += step
    return x


def _place(
    row: Sequence[int],
    distances: Sequence[float],
    near: Mapping[int, list[Near]],
    sides: tuple[int, ...],
    x: dict[int, float],
    fixed: Collection[int],
) -> None:
    """Move the nodes of a layer to their neighbours."""
    targets, weights = [], []
    for node in row:
        own = [
            (x[other] + shift, w) for side, other, shift, w in near.get(node, ()) if side in sides
        ]
        total = sum(w for _, w in own)
        free = bool(own) and node not in fixed
        targets.append(sum(at * w for at, w in own) / total if free else x[node])
        weights.append(total if free else _FIXED if node in fixed else 0.01)
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    wanted = [t - o for t, o in zip(targets, offsets, strict=True)]
    for node, at, offset in zip(row, isotonic(wanted, weights), offsets, strict=True):
        x[node] = at + offset


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the non-decreasing numbers with the least weighted squared distance to ``values``.

    >>> isotonic([1.0, 3.0, 2.0], [1.0, 1.0, 1.0])
    [1.0, 2.5, 2.5]
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]


def _strands(layered: Layered) -> list[list[int]]:
    """Return chains of at least three nodes, or two, that are to stand below each other."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for chain in layered.chains.values():
        for a, b in pairwise(chain):
            below.setdefault(a, []).append(b)
            above.setdefault(b, []).append(a)
    place = {node: j for row in layered.layers for j, node in enumerate(row)}
    n = layered.n
    after = {a: _middle(a, bs, place, n) for a, bs in below.items()}
    before = {b: _middle(b, some, place, n) for b, some in above.items()}
    following = {a: b for a, b in after.items() if b is not None and before.get(b) == a}
    starts = following.keys() - following.values()
    strands = []
    for start in sorted(starts):
        strand = [start]
        while strand[-1] in following:
            strand.append(following[strand[-1]])
        strands.append(strand)
    return sorted(strands, key=lambda strand: -len(strand))


def _middle(node: int, others: Sequence[int], place: Mapping[int, int], n: int) -> int | None:
    """Return the neighbour that a node stands in line with; None if there are two in the middle.

    A dummy is in line with the rest of its edge. Of other nodes' neighbours, dummies count only
    where all are.
    """
    real = [other for other in others if other < n] if node < n else others
    if node < n and not real and len(others) > 1:
        return None
    row = sorted(real or others, key=place.__getitem__)
    return row[len(row) // 2] if len(row) % 2 else None


def _straighten(
    layered: Layered,
    strands: Sequence[Sequence[int]],
    distances: list[list[float]],
    extents: Mapping[int, Extent],
    x: dict[int, float],
) -> set[int]:
    """Give all nodes of a strand one place, the longest strand first; return the nodes.

    Nodes beside it make room, except those of strands that are straight already: between these a
    strand bends where it has to.
    """
    at = {node: (i, j) for i, row in enumerate(layered.layers) for j, node in enumerate(row)}
    done: set[int] = set()
    for strand in strands:
        run: list[tuple[int, float]] = []  # nodes, and how far right of the first one
        low, high, shift = -math.inf, math.inf, 0.0
        for node in strand:
            i, j = at[node]
            left, right = _room(layered.layers[i], distances[i], j, done, x)
            if run and max(low, left - shift) > min(high, right - shift):
                _align(run, low, high, x)
                run, low, high = [], -math.inf, math.inf
            run.append((node, shift))
            low, high = max(low, left - shift), min(high, right - shift)
            shift += extents[node].out if node in extents else 0.0
        _align(run, low, high, x)
        done.update(strand)
        for node in strand:
            i, j = at[node]
            _push(layered.layers[i], distances[i], j, x)
    return done


def _room(
    row: Sequence[int], distances: Sequence[float], j: int, done: set[int], x: dict[int, float]
) -> tuple[float, float]:
    """Return between which places a node can stand, given those of nodes that stay."""
    left = right = 0.0
    low, high = -math.inf, math.inf
    for k in reversed(range(j)):
        left += distances[k]
        if row[k] in done:
            low = x[row[k]] + left
            break
    for k in range(j + 1, len(row)):
        right += distances[k - 1]
        if row[k] in done:
            high = x[row[k]] - right
            break
    return low, high


def _align(run: Sequence[tuple[int, float]], low: float, high: float, x: dict[int, float]) -> None:
    """Give some nodes the place in the middle of theirs, between two bounds."""
    wishes = sorted(x[node] - shift for node, shift in run)
    place = min(max(wishes[len(wishes) // 2], low), high)
    for node, shift in run:
        x[node] = place + shift


def _push(row: Sequence[int], distances: Sequence[float], j: int, x: dict[int, float]) -> None:
    """Move the nodes beside one away as far as they are too near."""
    for k in reversed(range(j)):
        most = x[row[k + 1]] - distances[k]
        if x[row[k]] <= most:
            break
        x[row[k]] = most
    for k in range(j + 1, len(row)):
        least = x[row[k - 1]] + distances[k - 1]
        if x[row[k]] >= least:
            break
        x[row[k]] = least
