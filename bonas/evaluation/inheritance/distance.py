"""The distance of two architectures: how many neighbourhoods of nodes one has and the other lacks.

    c_0(v) = label of v,   c_h(v) = [c_{h-1}(v), {c_{h-1}(u): u -> v}, {c_{h-1}(w): v -> w}]
    d(G, G') = sum over h and c of |n_h(c, G) - n_h(c, G')| / sum over h of (|G| + |G'|)

n_h(c, G) is the number of nodes of G with colour c. The colours are counted twice, with the sizes
of the operations in the labels and without: a wider layer is nearer than another operation.

Source: Shervashidze et al. (2011), "Weisfeiler-Lehman graph kernels", JMLR 12.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from bonas.spaces import ArchitectureGraph

_DEPTH = 2


def graph_distance(one: ArchitectureGraph, other: ArchitectureGraph) -> float:
    """Return the distance of two graphs, from 0 (no difference is seen) to 1.

    >>> chain = ArchitectureGraph(["input", "conv", "output"], [(0, 1), (1, 2)])
    >>> graph_distance(chain, chain)
    0.0
    """
    a, b = _counts(one), _counts(other)
    total = a.total() + b.total()
    return ((a - b).total() + (b - a).total()) / total if total else 0.0


@lru_cache(maxsize=4096)
def _counts(graph: ArchitectureGraph) -> Counter[tuple[bool, int, bytes]]:
    """Return how many nodes have each colour, with and without sizes."""
    rows: Sequence[object] = [()] * len(graph) if graph.features is None else graph.features
    plain = [_digest(label.encode()) for label in graph.labels]
    sized = [
        _digest(f"{label} {row}".encode()) for label, row in zip(graph.labels, rows, strict=True)
    ]
    found: Counter[tuple[bool, int, bytes]] = Counter()
    for has_sizes, colours in ((False, plain), (True, sized)):
        found.update((has_sizes, 0, colour) for colour in colours)
        for depth in range(1, _DEPTH + 1):
            colours = _refined(graph, colours)
            found.update((has_sizes, depth, colour) for colour in colours)
    return found


def _refined(graph: ArchitectureGraph, colours: Sequence[bytes]) -> list[bytes]:
    return [
        _digest(
            colour
            + b"<"
            + b"".join(sorted([colours[u] for u in graph.predecessors[node]]))
            + b">"
            + b"".join(sorted([colours[w] for w in graph.successors[node]]))
        )
        for node, colour in enumerate(colours)
    ]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()
