"""The cells of NAS-Bench-201 as a user might write them, without the library's conventions.

Every operation is a node, ``none`` and ``skip_connect`` like the others; nothing is pruned, every
combination is valid, no cost is known. A search should do as well as on ``NASBench201``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bonas.spaces import ArchitectureGraph, Choice, Choices, Identity, Space

_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_LAST = 3


class DrawnCells(Space):
    """An operation on each of six edges between four tensors, drawn as a graph of eight nodes."""

    parameters: Mapping[str, Sequence[Choice]] = {
        f"edge_{source}_{target}": _OPERATIONS for source, target in _EDGES
    }

    def __init__(self, identity: Identity = "graph") -> None:
        self.identity = identity

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return a node for each operation, and an edge where one reads what another wrote."""
        labels = ["input", *map(str, choices.values()), "output"]
        output, edges = len(labels) - 1, []
        for i, (source, target) in enumerate(_EDGES, 1):
            if source == 0:
                edges.append((0, i))
            if target == _LAST:
                edges.append((i, output))
            edges += [(i, j) for j, (read, _) in enumerate(_EDGES, 1) if read == target]
        return ArchitectureGraph(labels, edges)


class DeclaredCells(DrawnCells):
    """The same cells, with the operations that do nothing declared."""

    absent = frozenset({"none"})
    identities = frozenset({"skip_connect"})
