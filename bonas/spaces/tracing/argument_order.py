"""The order of the tensors that an operation reads, where that matters (``a - b``).

Edges of a graph have no order. So a rule defines the usual order of what an operation reads: a node
that is deeper in the network comes later (in a product, earlier); among equally deep ones size,
label and history decide. Only nodes that stand elsewhere are marked, as few of them as possible.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from bonas.spaces.sketch import Sketch
from bonas.spaces.tracing.function_names import COMMUTATIVE, SQUEEZABLE

_PRODUCTS = frozenset({"matmul", "baddbmm", "addmm"})


class ArgumentOrder:
    """The usual order of the nodes of a sketch, which may grow meanwhile."""

    def __init__(self, sketch: Sketch) -> None:
        self._operations = sketch.operations
        self._depths: list[int] = []
        self._digests: list[int] = []  # of a node and all before it

    def marked(
        self, name: str, reads: Sequence[tuple[int, int]], total: int, even: bool = True
    ) -> tuple[dict[int, list[int]], list[str]]:
        """Return the nodes that an operation reads, and labels for an unusual order.

        Args:
            name: The operation.
            reads: Position and node of each argument that depends on the input.
            total: The number of arguments that are tensors.
            even: Whether a commutative function is called as one (``add`` without ``alpha``).

        Returns:
            Node -> its positions if they have to be marked, else nothing; and the labels.
        """
        if len(reads) == 1 and reads[0][0] == 0:
            return {reads[0][1]: []}, []
        free = even and name in COMMUTATIVE
        places = [i for i, _ in reads]
        distinct: dict[int, list[int]] = {}
        for i, node in reads:
            distinct.setdefault(node, []).append(i)
        labels = []
        if not free and places != list(range(len(places))):
            labels.append(f"at={' '.join(map(str, places))}")
        elif len(distinct) == 1 and 1 < len(places) < total and name not in SQUEEZABLE:
            labels.append("twice")
        if len(distinct) == 1 or (free and len(distinct) == len(reads)):
            return {node: [] for node in distinct}, labels
        usual = self._usual(name, distinct)
        return {node: [] if node in usual else at for node, at in distinct.items()}, labels

    def _usual(self, name: str, distinct: dict[int, list[int]]) -> set[int]:
        """Return the most nodes that stand in the usual order, each of them at one position."""
        single = [node for node, at in distinct.items() if len(at) == 1]
        sign = -1 if name in _PRODUCTS else 1
        return set(longest_sorted(single, [self._key(node, sign) for node in single]))

    def _key(self, node: int, sign: int) -> tuple[object, ...]:
        """Return the sorting key of a node in the usual order."""
        for operation in self._operations[len(self._depths) : node + 1]:
            sources, sizes = operation.sources, operation.sizes
            first = not self._depths  # the input
            depth = 1 + max([self._depths[source] for source in sources], default=0)
            self._depths.append(0 if first else depth)
            before = [self._digests[source] for source in sources]
            text = f"{operation.label}{[*sizes.values()]}{before}"
            self._digests.append(zlib.crc32(text.encode()))
        this = self._operations[node]
        return (
            sign * self._depths[node],
            -this.sizes["elements"],
            this.label,
            tuple(this.sizes.values()),
            self._digests[node],
        )


def longest_sorted(nodes: Sequence[int], keys: Sequence[tuple[Any, ...]]) -> list[int]:
    """Return a longest subsequence of nodes whose keys never decrease.

    >>> longest_sorted([7, 5, 9, 8], [(0,), (3,), (1,), (1,)])
    [7, 9, 8]
    """
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [nodes[i] for i in _longest_nondecreasing([ranks[key] for key in keys])]


def _longest_nondecreasing(ranks: Sequence[int]) -> list[int]:
    """Return the indices of a longest subsequence that never decreases."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for i, rank in enumerate(ranks):
        at = bisect_right(tails, rank)
        before.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [rank]
        ends[at : at + 1] = [i]
    out = []
    at = ends[-1] if ends else -1
    while at >= 0:
        out.append(at)
        at = before[at]
    return out[::-1]
