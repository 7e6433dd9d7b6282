"""The plan of a cell of NAS-Bench-101: its vertices, and how wide each one is.

Vertex 0 is the input and the last one the output; those between them hold an operation. An edge
goes from a vertex to a later one. An operation reads the sum of what comes in: the other operations
cut to its width, and the cell's input through a 1x1 convolution. The output is the concatenation of
what comes in, plus the cell's input through a 1x1 convolution.

Source: Ying et al. (2019), "NAS-Bench-101: Towards reproducible neural architecture search", ICML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bonas.spaces.graph import INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.sketch import Sketch

KERNELS: Mapping[str, int] = {"conv3x3-bn-relu": 3, "conv1x1-bn-relu": 1, "maxpool3x3": 3}
"""The benchmark's operations -> the side of their kernels."""

POOL = "maxpool3x3"

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """The ``operations`` of the vertices between input and output; edges by target, then source."""

    operations: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def last(self) -> int:
        """The number of the output vertex."""
        return len(self.operations) + 1

    @property
    def live(self) -> list[int]:
        """The vertices on paths from the input to the output; empty where there is no path."""
        reached, needed = {0}, {self.last}
        for source, target in sorted(self.edges):
            if source in reached:
                reached.add(target)
        for source, target in sorted(self.edges, reverse=True):
            if target in needed:
                needed.add(source)
        return sorted(reached & needed) if self.last in reached else []

    def pruned(self) -> Cell:
        """Return the cell of the live vertices, in their order; it has no edge if none is live."""
        number = {vertex: i for i, vertex in enumerate(self.live)}
        return Cell(
            tuple(self.operations[vertex - 1] for vertex in list(number)[1:-1]),
            tuple((number[s], number[t]) for s, t in self.edges if s in number and t in number),
        )

    def sources(self, vertex: int) -> list[int]:
        """Return the vertices that a vertex reads, except the cell's input."""
        return [source for source, target in self.edges if target == vertex and source]

    def projects(self, vertex: int) -> bool:
        """Return whether a vertex reads the cell's input, through a convolution of its own."""
        return (0, vertex) in self.edges

    def widths(self, inputs: int, outputs: int) -> list[int]:
        """Return the channels of each vertex of a pruned cell.

        Vertices that go to the output share ``outputs`` equally, the first ones taking the
        remainder; every other vertex is as wide as the widest that reads it.
        """
        widths = [inputs, *[0] * len(self.operations), outputs]
        ends = self.sources(self.last)
        for i, vertex in enumerate(ends):
            widths[vertex] = outputs // len(ends) + (i < outputs % len(ends))
        for vertex in reversed(range(1, self.last)):
            if vertex not in ends:
                widths[vertex] = max(widths[t] for s, t in self.edges if s == vertex)
        return widths

    def graph(self) -> ArchitectureGraph:
        """Return the graph with operations as nodes, pruned."""
        return ArchitectureGraph([INPUT, *self.operations, OUTPUT], self.edges).pruned()


def add_cell(sketch: Sketch, x: int, cell: Cell, outputs: int) -> int:
    """Add a pruned cell that reads the operation ``x``, or zeros if it has no path."""
    inputs, *side = sketch.operations[x].shape
    if not cell.edges:
        return sketch.add("zeros", [], (outputs, *side))
    widths = cell.widths(inputs, outputs)
    states = [x]
    for vertex, operation in enumerate(cell.operations, start=1):
        width = widths[vertex]
        parts = [states[source] for source in cell.sources(vertex)]
        if cell.projects(vertex):
            parts.append(sketch.convolution(x, inputs, width, 1))
        state = _added(sketch, parts, width)
        if operation == POOL:
            states.append(sketch.add("max_pool", [state], (width, *side), kernel=3, stride=1))
        else:
            states.append(sketch.convolution(state, width, width, KERNELS[operation]))
    return _add_output(sketch, cell, states, outputs)


def _added(sketch: Sketch, parts: list[int], width: int) -> int:
    """Add the sum of several operations; one alone is its own sum."""
    shape = (width, *sketch.operations[parts[0]].shape[1:])
    return parts[0] if len(parts) == 1 else sketch.add("add", parts, shape, outputs=width)


def _add_output(sketch: Sketch, cell: Cell, states: list[int], outputs: int) -> int:
    """Add the concatenation and the projection that make the cell's output."""
    inputs, *side = sketch.operations[states[0]].shape
    ends = [states[source] for source in cell.sources(cell.last)]
    if len(ends) > 1:
        ends = [sketch.add("concat", ends, (outputs, *side), outputs=outputs)]
    if cell.projects(cell.last):
        ends.append(sketch.convolution(states[0], inputs, outputs, 1))
    return _added(sketch, ends, outputs)
