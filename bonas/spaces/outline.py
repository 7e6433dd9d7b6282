"""The outline of a network: its graph, and what a person wants to know of each node.

Surrogates read graphs, people read drawings: sizes and shapes as numbers, and which operations
belong together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bonas.errors import InvalidGraph
from bonas.spaces.graph import ArchitectureGraph


class Block(NamedTuple):
    """Operations that belong together.

    Attributes:
        name: What they are, a cell or a layer.
        number: A number that no other block of the network has.
        fixed: Whether they are the same in all networks of the space, but for the width: a drawing
            has one row for them.
    """

    name: str
    number: int
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A graph of ``v`` nodes with ``v`` sizes, shapes and blocks.

    Attributes:
        graph: What reads what.
        sizes: A node's sizes by the names of ``bonas.spaces.FEATURES``; empty where unknown.
        shapes: Of one example's output, without the batch; None where unknown.
        blocks: The blocks that a node is in, the outermost first.

    Raises:
        InvalidGraph: if the lengths differ.
    """

    graph: ArchitectureGraph
    sizes: tuple[Mapping[str, int], ...]
    shapes: tuple[tuple[int, ...] | None, ...]
    blocks: tuple[tuple[Block, ...], ...]

    def __post_init__(self) -> None:
        lengths = [len(self.sizes), len(self.shapes), len(self.blocks)]
        if lengths != [len(self.graph)] * 3:
            raise InvalidGraph(
                f"expected sizes, shapes and blocks of {len(self.graph)} nodes, got {lengths}"
            )

    def __len__(self) -> int:
        return len(self.graph)

    @classmethod
    def of_graph(cls, graph: ArchitectureGraph) -> Outline:
        """Return the outline of a graph of which nothing else is known."""
        v = len(graph)
        return cls(graph, ({},) * v, (None,) * v, ((),) * v)

    def bypassing(self, nodes: Collection[int]) -> Outline:
        """Return the outline without some nodes: what reads one reads what that reads.

        Nodes without a source or without a target stay.
        """
        graph = self.graph
        gone = {n for n in nodes if graph.predecessors[n] and graph.successors[n]}
        if not gone:
            return self
        reads: dict[int, set[int]] = {}  # a node -> the kept nodes that it stands for, or reads
        for node in graph.order:
            found = {s for p in graph.predecessors[node] for s in (reads[p] if p in gone else {p})}
            reads[node] = found
        kept = [node for node in range(len(graph)) if node not in gone]
        new = {old: i for i, old in enumerate(kept)}
        rows = graph.features
        return Outline(
            ArchitectureGraph(
                [graph.labels[node] for node in kept],
                [(new[source], new[node]) for node in kept for source in sorted(reads[node])],
                None if rows is None else [rows[node] for node in kept],
            ),
            tuple(self.sizes[node] for node in kept),
            tuple(self.shapes[node] for node in kept),
            tuple(self.blocks[node] for node in kept),
        )
