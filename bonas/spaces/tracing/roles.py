"""Which of the tensors that an operation reads stand in the usual order.

Edges of a graph have no order. Where an operation depends on it (``a - b``), a rule says in which
order the tensors usually come, and those that do not are marked: as few of them as possible.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any


def in_order(nodes: Sequence[int], keys: Sequence[tuple[Any, ...]]) -> list[int]:
    """Return the most nodes whose keys never fall.

    >>> in_order([7, 5, 9, 8], [(0,), (3,), (1,), (1,)])
    [7, 9, 8]
    """
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [nodes[i] for i in _longest([ranks[key] for key in keys])]


def _longest(ranks: Sequence[int]) -> list[int]:
    """The places of a longest subsequence that never falls."""
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
