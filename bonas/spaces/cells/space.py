"""Cell spaces: one small cell is searched, the network repeats it (NAS-Bench-201's idea).

A cell is a complete directed acyclic graph of ``k`` nodes (tensors). The edge from node ``i`` to a
later node ``j`` carries an operation, and a node is the sum of what its edges bring. The searched
graph has the operations as its nodes: ``none`` has no node, ``skip_connect`` is an identity, and
what no longer lies between input and output is pruned, since it changes nothing.

Source: Dong and Yang (2020), "NAS-Bench-201: Extending the scope of reproducible neural
architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bonas.arguments import check_count
from bonas.errors import unknown
from bonas.spaces.architecture import Choices, Identity
from bonas.spaces.cells.cell import Edge, cell_edges
from bonas.spaces.cells.network import CellNetwork
from bonas.spaces.cells.plan import KERNELS, CellPlan
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.planned import PlannedSpace
from bonas.spaces.sketch import Sizes
from bonas.spaces.space import Space

BENCHMARK_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


@dataclass(frozen=True)
class CellSpace(PlannedSpace):
    """All cells of ``nodes`` nodes with one of ``operations`` on every edge.

    Args:
        nodes: Tensors in the cell, input and output included.
        operations: Names out of ``bonas.spaces.OPERATIONS``.
        channels: Width of the first stage; each of the later stages doubles it.
        cells: Cells in a stage.
        stages: Stages, with a halving of the image between two of them.
        classes: Outputs of the network.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting costs.
        allow_disconnected: Whether a cell may have no path from its input to its output; the output
            of such a network is the same for every image.
        identity: ``"choices"`` distinguishes cells of isomorphic graphs, see ``Space.identity``.

    Bounds: see ``SizedSpace``. Cells of isomorphic graphs may have different sizes, since
    operations on no path count; the architecture is valid if one of them is within the bounds.

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

    network = CellNetwork
    enumerable = Space.enumerable  # graphs and sizes take microseconds
    reference_size = Space.reference_size
    slow_to_draw = False
    walks = 500  # the cheapest operation is often none, so many walks end without a path

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"nodes": 2, "channels": 1, "cells": 1, "stages": 1, "classes": 1, "in_channels": 1}
        for name, low in {**least, "image_size": 1}.items():
            check_count(name, getattr(self, name), least=low)
        for operation in self.operations:
            if operation not in KERNELS:
                raise unknown("operation", operation, KERNELS)
        object.__setattr__(self, "operations", tuple(self.operations))

    @cached_property
    def edges(self) -> dict[str, Edge]:
        """The parameter's name -> (source, target), ordered by target, then source."""
        return cell_edges(self.nodes)

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]  # derived here
        """One operation per edge."""
        return dict.fromkeys(self.edges, self.operations)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels x height x width."""
        return (self.in_channels, self.image_size, self.image_size)

    def plan(self, choices: Choices) -> CellPlan:
        """Return the description of the network."""
        return CellPlan(
            nodes=self.nodes,
            operations={ends: str(choices[name]) for name, ends in self.edges.items()},
            channels=self.channels,
            cells=self.cells,
            stages=self.stages,
            classes=self.classes,
            in_channels=self.in_channels,
            image_size=self.image_size,
        )

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the cell with operations as nodes, pruned and with identities contracted."""
        return self.plan(choices).graph()

    def sizes(self, choices: Choices) -> Sizes:
        """Return the sizes of the network, without a sketch of it."""
        return self.plan(choices).sizes()

    def is_valid(self, choices: Choices) -> bool:
        """Return whether the cell has a path from input to output and keeps the bounds."""
        return (self.allow_disconnected or self._has_path(choices)) and super().is_valid(choices)

    def describe(self) -> dict[str, Any]:
        """Return the settings; a bound that is not set is left out, as in studies stored before."""
        return {
            name: value
            for name, value in super().describe().items()
            if value is not None or name not in self.bounds
        }

    def _has_path(self, choices: Choices) -> bool:
        """Return whether a path leads from the cell's input to its output."""
        reached = {0}
        for name, (source, target) in self.edges.items():  # by target: sources come first
            if source in reached and choices[name] != "none":
                reached.add(target)
        return self.nodes - 1 in reached


class NASBench201(CellSpace):
    """The 15,625 cells of NAS-Bench-201; the benchmark's networks are ``channels=16, cells=5``.

    The 341 cells without a path to their output are not valid, unless ``allow_disconnected``.
    """
