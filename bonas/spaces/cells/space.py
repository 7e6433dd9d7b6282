"""Cell spaces: one small cell is searched, the network repeats it (NAS-Bench-201's idea).

A cell is a complete directed acyclic graph of ``k`` nodes (tensors). The edge from node ``i`` to a
later node ``j`` carries an operation, and a node is the sum of what its edges bring. The searched
graph has the operations as its nodes: ``none`` is no node, ``skip_connect`` an identity, and what
no longer lies between input and output is pruned, since it changes nothing.

Source: Dong and Yang (2020), "NAS-Bench-201: Extending the scope of reproducible neural
architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from torch import nn

from bonas.arguments import check_count
from bonas.errors import unknown
from bonas.spaces.architecture import Choices, Identity
from bonas.spaces.cells.network import OPERATIONS, CellCosts, CellNetwork
from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.space import Space

BENCHMARK_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


@dataclass(frozen=True)
class CellSpace(Space):
    """All cells of ``nodes`` nodes with one of ``operations`` on every edge.

    Args:
        nodes: Tensors in the cell, input and output included.
        operations: Names out of ``bonas.spaces.OPERATIONS``.
        channels: Width of the first stage; each of the later stages doubles it.
        cells: Cells in a stage.
        stages: Stages, with a halving of the image between two of them.
        classes: Outputs of the network.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting multiply-adds.
        allow_disconnected: Whether a cell may lead nothing from its input to its output; such a
            network says the same of every image.
        identity: ``"choices"`` tells apart cells of isomorphic graphs, see ``Space.identity``.

    The parameter ``edge_i_j`` is the operation on the edge from node ``i`` to node ``j``.

    >>> CellSpace(nodes=3, operations=("none", "nor_conv_3x3")).size
    8
    """

    nodes: int = 4
    operations: Sequence[str] = BENCHMARK_OPERATIONS
    channels: int = 16
    cells: int = 5
    stages: int = 3
    classes: int = 10
    in_channels: int = 3
    image_size: int = 32
    allow_disconnected: bool = False
    identity: Identity = "graph"

    def __post_init__(self) -> None:
        least = {"nodes": 2, "channels": 1, "cells": 1, "stages": 1, "classes": 1, "in_channels": 1}
        for name, low in {**least, "image_size": 1}.items():
            check_count(name, getattr(self, name), least=low)
        for operation in self.operations:
            if operation not in OPERATIONS:
                raise unknown("operation", operation, OPERATIONS)
        object.__setattr__(self, "operations", tuple(self.operations))

    @cached_property
    def edges(self) -> dict[str, tuple[int, int]]:
        """The parameter's name -> (source, target), ordered by target, then source."""
        return cell_edges(self.nodes)

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]  # derived here
        """One operation an edge."""
        return dict.fromkeys(self.edges, self.operations)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels x height x width."""
        return (self.in_channels, self.image_size, self.image_size)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Operations as nodes, pruned and with identities contracted."""
        return cell_graph({ends: str(choices[name]) for name, ends in self.edges.items()})

    def is_valid(self, choices: Choices) -> bool:
        """Whether the cell leads from its input to its output."""
        if self.allow_disconnected:
            return True
        reached = {0}
        for name, (source, target) in self.edges.items():  # by target: sources come first
            if source in reached and choices[name] != "none":
                reached.add(target)
        return self.nodes - 1 in reached

    def build(self, choices: Choices) -> nn.Module:
        """The whole network: stem, stages of cells with reductions between, head."""
        return CellNetwork(
            self.nodes,
            {ends: str(choices[name]) for name, ends in self.edges.items()},
            channels=self.channels,
            cells=self.cells,
            stages=self.stages,
            classes=self.classes,
            in_channels=self.in_channels,
        )

    def costs(self, choices: Choices) -> dict[str, float]:
        """Trainable ``parameters`` and ``multiply_adds`` (for one image) of the built network."""
        return self._costs.of([str(choices[name]) for name in self.edges])

    @cached_property
    def _costs(self) -> CellCosts:
        return CellCosts(
            channels=self.channels,
            cells=self.cells,
            stages=self.stages,
            classes=self.classes,
            in_channels=self.in_channels,
            image_size=self.image_size,
        )


class NASBench201(CellSpace):
    """The 15,625 cells of NAS-Bench-201; the benchmark's networks are ``channels=16, cells=5``.

    The 341 cells that lead nothing to their output are not valid, unless ``allow_disconnected``.
    """


def cell_edges(nodes: int) -> dict[str, tuple[int, int]]:
    """``edge_source_target`` -> (source, target) of a complete cell, by target, then source."""
    pairs = sorted(combinations(range(nodes), 2), key=lambda edge: edge[::-1])
    return {f"edge_{source}_{target}": (source, target) for source, target in pairs}


def cell_graph(operations: Mapping[tuple[int, int], str]) -> ArchitectureGraph:
    """The graph of a cell: an edge (source, target) -> the name of its operation.

    Node 0 is the cell's input, the last one its output. The operations become the nodes of the
    graph, but for ``none``; it is pruned, and ``skip_connect`` or ``identity`` contracted.
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
    return IDENTITY if operation == "skip_connect" else operation
