"""The plan of a cell network: one cell, and the frame that repeats it.

    stem: 3x3 conv -> cells -> reduce -> cells of twice the width -> ... -> norm, pool, linear

Operations on no path from a cell's input to its output are built and counted, as in NAS-Bench-201,
but never run: in a sketch they have weights and no output.

Source: Dong and Yang (2020), "NAS-Bench-201: Extending the scope of reproducible neural
architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from bonas.spaces.cells.cell import Edge, cell_graph, live_edges
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.sketch import Sizes, Sketch

KERNELS: Mapping[str, int] = {
    "none": 0,
    "skip_connect": 0,
    "nor_conv_1x1": 1,
    "nor_conv_3x3": 3,
    "nor_conv_5x5": 5,
    "sep_conv_3x3": 3,
    "sep_conv_5x5": 5,
    "avg_pool_3x3": 3,
    "max_pool_3x3": 3,
}
"""An operation's name -> the side of its kernel, 0 for none; ``OPERATIONS`` builds each of them."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """A whole network of equal cells; ``operations`` has one for each edge of the cell."""

    nodes: int
    operations: Mapping[Edge, str]
    channels: int
    cells: int
    stages: int
    classes: int
    in_channels: int
    image_size: int

    @property
    def live(self) -> dict[int, list[int]]:
        """A node -> the nodes that it sums; without what lies on no path from input to output."""
        present = [edge for edge, name in self.operations.items() if name != "none"]
        return live_edges(self.nodes, present)

    def graph(self) -> ArchitectureGraph:
        """Return the cell with operations as nodes, pruned and with identities contracted."""
        return cell_graph(self.operations)

    def sketch(self) -> tuple[Sketch, int]:
        """Return the whole network as a sketch, and its output."""
        sketch = Sketch((self.in_channels, self.image_size, self.image_size))
        x = sketch.convolution(sketch.input, self.in_channels, self.channels, 3)
        for width, _ in self.frames():
            if width > self.channels:
                with sketch.block("reduction", fixed=True):
                    x = _add_reduction(sketch, x, width)
            for _ in range(self.cells):
                with sketch.block("cell"):
                    x = self._add_cell(sketch, x)
        return sketch, _add_head(sketch, x, self.classes)

    def sizes(self) -> Sizes:
        """Return the sizes of the sketch within microseconds: sizes of parts are cached and added.

        A table of NAS-Bench-201 asks for those of 15,625 networks.
        """
        live = self.live
        run = {(source, target) for target, sources in live.items() for source in sources}
        sums = sum(len(sources) > 1 for sources in live.values()) if live else 1  # or the zeros
        frame = _frame_sizes(
            self.channels, self.stages, self.classes, self.in_channels, self.image_size
        )
        parts: list[Sizes] = []
        for width, size in self.frames():
            parts += [
                _operation_sizes(name, width, size, edge in run)
                for edge, name in self.operations.items()
            ]
            parts += [_sum_sizes(width, size)] * sums
        return {name: x + self.cells * sum(p[name] for p in parts) for name, x in frame.items()}

    def frames(self) -> Iterator[tuple[int, int]]:
        """Yield the width of each stage, and the side of its images."""
        size = self.image_size
        for stage in range(self.stages):
            yield self.channels * 2**stage, size
            size = -(-size // 2)

    def _add_cell(self, sketch: Sketch, source: int) -> int:
        """Add a cell that reads the operation ``source``, and return its output."""
        live, states = self.live, {0: source}
        for node in range(1, self.nodes):
            parts = []
            for (start, end), name in self.operations.items():
                if end == node and start in live.get(node, ()):
                    parts.append(_add_operation(sketch, name, states[start]))
                elif end == node:
                    _add_operation(sketch, name, source, run=False)
            if parts:
                states[node] = _added(sketch, parts)
        shape = sketch.operations[source].shape
        last = self.nodes - 1
        return states[last] if last in states else sketch.add("zeros", [], shape)


def _add_operation(sketch: Sketch, name: str, source: int, *, run: bool = True) -> int:
    """Add an operation of a cell; return its number, or ``source`` for an identity.

    An operation that is built but not ``run`` has no output; ``none`` adds nothing.
    """
    kernel = KERNELS[name]
    if not kernel:
        return source
    width, size, _ = shape = sketch.operations[source].shape
    weights = {
        "nor": kernel**2 * width**2,
        "sep": kernel**2 * width + width**2,  # a depthwise and a 1x1 convolution
    }.get(name[:3], 0)
    return sketch.add(
        name,
        [source] if run else [],
        shape if run else (0,),
        parameters=weights + 2 * width if weights else 0,  # with the batch norm
        multiply_adds=weights * size**2,
        inputs=width,
        outputs=width,
        kernel=kernel,
        stride=1,
        groups=width if name.startswith("sep") else 1,
    )


def _added(sketch: Sketch, parts: list[int]) -> int:
    """Add the sum of several operations; one alone is its own sum."""
    shape = sketch.operations[parts[0]].shape
    return parts[0] if len(parts) == 1 else sketch.add("add", parts, shape, outputs=shape[0])


def _add_reduction(sketch: Sketch, source: int, width: int) -> int:
    """Add a residual block that halves the image, and doubles its channels to ``width``."""
    inputs = width // 2
    x = sketch.convolution(source, inputs, width, 3, 2)
    x = sketch.convolution(x, width, width, 3)
    shape = sketch.operations[x].shape
    pooled = sketch.add("avg_pool", [source], (inputs, *shape[1:]), kernel=2, stride=2)
    shortcut = sketch.add(  # without a norm
        "conv2d",
        [pooled],
        shape,
        parameters=inputs * width,
        multiply_adds=inputs * width * shape[1] ** 2,
        inputs=inputs,
        outputs=width,
        kernel=1,
        stride=1,
        groups=1,
    )
    return _added(sketch, [x, shortcut])


def _add_head(sketch: Sketch, source: int, classes: int) -> int:
    """Add norm, activation, pooling and the classifier."""
    shape = sketch.operations[source].shape
    width = shape[0]
    x = sketch.add("batch_norm", [source], shape, parameters=2 * width, outputs=width)
    x = sketch.add("global_avg_pool", [x], (width,), inputs=width, outputs=width)
    return sketch.linear(x, width, classes)


@cache
def _frame_sizes(
    channels: int, stages: int, classes: int, in_channels: int, image_size: int
) -> Sizes:
    """Return the sizes of a network without its cells: stem, reductions and head."""
    empty = CellPlan(2, {}, channels, 0, stages, classes, in_channels, image_size)
    return empty.sketch()[0].sizes


@cache
def _operation_sizes(name: str, width: int, size: int, run: bool) -> Sizes:
    """Return the sizes of one operation of a cell."""
    sketch = Sketch((width, size, size))
    before = sketch.sizes
    _add_operation(sketch, name, sketch.input, run=run)
    return {key: x - before[key] for key, x in sketch.sizes.items()}


@cache
def _sum_sizes(width: int, size: int) -> Sizes:
    """Return the sizes of one sum in a cell."""
    sketch = Sketch((width, size, size))
    before = sketch.sizes
    _added(sketch, [sketch.input, sketch.input])
    return {key: x - before[key] for key, x in sketch.sizes.items()}
