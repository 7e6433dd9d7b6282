"""Complete cells: nodes 0 to k - 1, and an operation on each edge from a node to a later one.

Node 0 is the input, the last one the output; a node is the sum of what its edges bring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph

Edge = tuple[int, int]
"""Source and target."""


def cell_edges(nodes: int) -> dict[str, Edge]:
    """Return ``edge_source_target`` -> (source, target), ordered by target, then source."""
    pairs = sorted(combinations(range(nodes), 2), key=lambda edge: edge[::-1])
    return {f"edge_{source}_{target}": (source, target) for source, target in pairs}


def live_edges(nodes: int, edges: Collection[Edge]) -> dict[int, list[int]]:
    """Return a target node -> its sources, over the edges that lie on an input-output path."""
    reached, needed = {0}, {nodes - 1}
    for source, target in sorted(edges):
        if source in reached:
            reached.add(target)
    for source, target in sorted(edges, key=lambda edge: -edge[1]):
        if target in needed:
            needed.add(source)
    live = reached & needed
    incoming = {
        node: [s for s, t in edges if t == node and s in live] for node in sorted(live - {0})
    }
    return {node: sources for node, sources in incoming.items() if sources}


def cell_graph(operations: Mapping[Edge, str]) -> ArchitectureGraph:
    """Return the graph of a cell: an edge (source, target) -> the name of its operation.

    The operations become the nodes of the graph, except ``none``; it is pruned, and
    ``skip_connect`` or ``identity`` contracted.
    """
    last = max(target for _, target in operations)
    present = [(ends, operation) for ends, operation in operations.items() if operation != "none"]
    labels = [INPUT, *(_label(operation) for _, operation in present), OUTPUT]
    output = len(labels) - 1
    edges = []
    for i, ((source, target), _) in enumerate(present, start=1):
        if source == 0:
            edges.append((0, i))
        if target == last:
            edges.append((i, output))
        for j, ((other, _), _) in enumerate(present, start=1):
            if other == target:
                edges.append((i, j))
    return ArchitectureGraph(labels, edges).pruned().contracted()


def _label(operation: str) -> str:
    """Return the label of an operation's node."""
    return IDENTITY if operation == "skip_connect" else operation
