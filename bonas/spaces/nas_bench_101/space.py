"""NAS-Bench-101's cells: any small graph of operations, repeated in stacks.

    stem: 3x3 conv -> cells -> halve -> cells of twice the width -> halve -> cells -> pool, linear

Source: Ying et al. (2019), "NAS-Bench-101: Towards reproducible neural architecture search", ICML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
from torch import nn

from bonas.arguments import check_count
from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices, Identity
from bonas.spaces.cells.cell import cell_edges
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.nas_bench_101.cell import KERNELS, Cell, Edge
from bonas.spaces.nas_bench_101.matrix import Matrix, MatrixLike, from_matrix, to_matrix
from bonas.spaces.nas_bench_101.network import NASBench101Network
from bonas.spaces.nas_bench_101.plan import NASBench101Plan
from bonas.spaces.options import names
from bonas.spaces.planned import PlannedSpace
from bonas.spaces.sized import SizedSpace

_DRAWS = 10_000  # tries for edges that make a cell


@dataclass(frozen=True)
class NASBench101Space(PlannedSpace):
    """Cells of at most ``nodes`` vertices and ``max_edges`` edges; the defaults are the benchmark.

    The parameter ``edge_i_j`` is whether there is an edge from vertex ``i`` (0 is the input) to the
    later vertex ``j`` (``nodes - 1`` is the output); ``op_i`` is the operation of vertex
    ``i`` and applies where the vertex lies on a path from input to output. Only such vertices, and
    the edges between them, count and are built. Valid are cells that have a path and no more than
    ``max_edges`` edges.

    The graph is the cell, labelled with the benchmark's names and without sizes: networks of
    isomorphic cells are one architecture, as in the benchmark. Where the width does not divide
    equally among the vertices that go to the output, their numbers of parameters differ a little.

    Args:
        nodes: The most vertices of a cell, input and output included.
        max_edges: The most edges of a cell.
        operations: Names out of ``"conv3x3-bn-relu"``, ``"conv1x1-bn-relu"``, ``"maxpool3x3"``.
        channels: Width of the first stack, each of the later ones doubles it; at least
            ``nodes - 2``.
        cells: Cells in a stack.
        stacks: Stacks, with a halving of the image between two of them.
        classes: Outputs of the network.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting costs.
        identity: ``"choices"`` distinguishes cells of isomorphic graphs, see ``Space.identity``.

    Bounds: see ``SizedSpace``.

    >>> space = NASBench101Space()
    >>> choices = space.from_matrix([[0, 1, 0], [0, 0, 1], [0, 0, 0]],
    ...                             ["input", "conv1x1-bn-relu", "output"])
    >>> space.costs(choices)["parameters"]
    1920138.0
    """

    nodes: int = 7
    max_edges: int = 9
    _: KW_ONLY
    operations: Sequence[str] = tuple(KERNELS)
    channels: int = 128
    cells: int = 3
    stacks: int = 3
    classes: int = 10
    in_channels: int = 3
    image_size: int = 32
    identity: Identity = "graph"

    network = NASBench101Network
    bounds = SizedSpace.bounds | {"max_edges"}
    walks = 492  # edges are redrawn, not shrunk, so many walks end above the bounds

    @classmethod
    def small(
        cls, *, classes: int = 10, in_channels: int = 1, image_size: int = 8
    ) -> NASBench101Space:
        """Return a space for tiny images: two stacks of one cell, 16 channels wide at first."""
        return cls(
            channels=16,
            cells=1,
            stacks=2,
            classes=classes,
            in_channels=in_channels,
            image_size=image_size,
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in (
            *("nodes", "max_edges", "channels", "cells", "stacks"),
            *("classes", "in_channels", "image_size"),
        ):
            check_count(name, getattr(self, name))
        if self.nodes < 2:
            raise InvalidSpace("nodes must be at least 2, for input and output; got 1")
        if self.channels < self.nodes - 2:
            raise InvalidSpace(
                f"channels must be at least nodes - 2 = {self.nodes - 2}, one for each vertex "
                f"that may go to the output; got {self.channels}"
            )
        operations = names("operations", self.operations, KERNELS)
        object.__setattr__(self, "operations", operations)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels x height x width."""
        return (self.in_channels, self.image_size, self.image_size)

    @cached_property
    def edges(self) -> dict[str, Edge]:
        """The parameter's name -> (source, target), ordered by target, then source."""
        return cell_edges(self.nodes)

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the edges, then of the operations."""
        return {**dict.fromkeys(self.edges, (False, True)), **self._operations}

    def applies(self, name: str, earlier: Choices) -> bool:
        """Return whether the vertex of an operation is live; the edges are known by then."""
        return name in self.edges or int(name.removeprefix("op_")) in self._whole(earlier).live

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        """Return a complete combination; edges that are all drawn are those of a valid cell."""
        if rng is not None and not self.edges.keys() & some.keys():
            some = {**some, **self._drawn_edges(rng)}
        return super().completed(some, rng)

    def is_valid(self, choices: Choices) -> bool:
        """Return whether there are a path, not too many edges, and a network within the bounds."""
        return self._is_cell(self.cell(choices)) and super().is_valid(choices)

    def cell(self, choices: Choices) -> Cell:
        """Return the cell, pruned."""
        return self._whole(choices).pruned()

    def plan(self, choices: Choices) -> NASBench101Plan:
        """Return the description of the network."""
        return NASBench101Plan(
            cell=self.cell(choices),
            channels=self.channels,
            cells=self.cells,
            stacks=self.stacks,
            classes=self.classes,
            in_channels=self.in_channels,
            image_size=self.image_size,
        )

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the cell with operations as nodes, pruned."""
        return self.plan(choices).graph()

    def build(self, choices: Choices) -> nn.Module:
        """Build the whole network: stem, stacks of cells, head.

        Raises:
            InvalidSpace: for a cell without a path from its input to its output.
        """
        if not self.cell(choices).edges:
            raise InvalidSpace(
                "no path of edges leads from vertex 0 to the output "
                f"{self.nodes - 1}; ask is_valid(choices) before build"
            )
        return super().build(choices)

    def matrix(self, choices: Choices) -> tuple[Matrix, list[str]]:
        """Return the pruned cell as the benchmark writes it: adjacency matrix and labels."""
        return to_matrix(self.cell(choices))

    def from_matrix(self, matrix: MatrixLike, operations: Sequence[str]) -> Choices:
        """Return the choices for a cell as the benchmark writes it; it is pruned.

        Args:
            matrix: ``v x v`` zeros and ones, those in row ``i`` and column ``j`` for an edge from
                ``i`` to ``j > i``; an array will do.
            operations: ``v`` labels, ``"input"`` first and ``"output"`` last.

        Raises:
            InvalidArgument: for anything else.
            InvalidSpace: if it has no path, or more vertices, more edges or other operations than
                the space allows.
        """
        cell = from_matrix(matrix, operations).pruned()
        if cell.last >= self.nodes or not self._is_cell(cell):
            raise InvalidSpace(
                f"expected a cell of at most {self.nodes} vertices and {self.max_edges} edges, "
                f"with a path from input to output; got {cell.last + 1} vertices and "
                f"{len(cell.edges)} edges on paths; raise nodes or max_edges of the space"
            )
        placed = {(s, self.nodes - 1 if t == cell.last else t) for s, t in cell.edges}
        choices: dict[str, Choice] = {name: ends in placed for name, ends in self.edges.items()}
        for name, operation in zip(self._operations, cell.operations, strict=False):
            if operation not in self.operations:
                raise InvalidSpace(
                    f"vertex {name.removeprefix('op_')} holds {operation!r}, but the operations of "
                    f"the space are {list(self.operations)}; add it to them"
                )
            if name in self.parameters:
                choices[name] = operation
        return choices

    @cached_property
    def _operations(self) -> dict[str, tuple[str, ...]]:
        """The name of each vertex's operation -> its options."""
        return {f"op_{i}": tuple(self.operations) for i in range(1, self.nodes - 1)}

    def _whole(self, choices: Choices) -> Cell:
        """Return the cell with all its vertices; the first operation stands for one not chosen."""
        return Cell(
            tuple(str(choices.get(name, some[0])) for name, some in self._operations.items()),
            tuple(ends for name, ends in self.edges.items() if choices[name]),
        )

    def _is_cell(self, pruned: Cell) -> bool:
        """Return whether there is a path, over not too many edges."""
        return 0 < len(pruned.edges) <= self.max_edges

    def _drawn_edges(self, rng: np.random.Generator) -> Choices:
        """Draw the edges of a valid cell, uniformly among all such sets of edges."""
        for _ in range(_DRAWS):
            drawn = rng.integers(2, size=len(self.edges)).astype(bool).tolist()
            edges = dict(zip(self.edges, drawn, strict=True))
            if self._is_cell(self.cell(edges)):
                return edges
        raise InvalidSpace(
            f"none of {_DRAWS:,} random cells of {self.nodes} vertices has a path and at most "
            f"{self.max_edges} edges; raise max_edges or lower nodes"
        )
