"""The plan of a NAS-Bench-101 network: one cell, and the frame that repeats it.

    stem: 3x3 conv -> cells -> halve -> cells of twice the width -> halve -> cells -> pool, linear

Source: Ying et al. (2019), "NAS-Bench-101: Towards reproducible neural architecture search", ICML.
"""

from __future__ import annotations

from dataclasses import dataclass

from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.nas_bench_101.cell import Cell, add_cell
from bonas.spaces.sketch import Sketch


@dataclass(frozen=True, slots=True)
class NASBench101Plan:
    """A whole network of equal cells; ``cell`` is pruned."""

    cell: Cell
    channels: int
    cells: int
    stacks: int
    classes: int
    in_channels: int
    image_size: int

    @property
    def widths(self) -> list[int]:
        """The width of each stack."""
        return [self.channels * 2**stack for stack in range(self.stacks)]

    def graph(self) -> ArchitectureGraph:
        """Return the graph of the cell, without sizes."""
        return self.cell.graph()

    def sketch(self) -> tuple[Sketch, int]:
        """Return the whole network as a sketch, and its output.

        A convolution is one node with its norm and activation.
        """
        sketch = Sketch((self.in_channels, self.image_size, self.image_size))
        x = sketch.convolution(sketch.input, self.in_channels, self.channels, 3)
        for stack, width in enumerate(self.widths):
            if stack:
                inputs, side, _ = sketch.operations[x].shape
                side = -(-side // 2)
                x = sketch.add("max_pool", [x], (inputs, side, side), kernel=2, stride=2)
            for _ in range(self.cells):
                with sketch.block("cell"):
                    x = add_cell(sketch, x, self.cell, width)
        width = self.widths[-1]
        x = sketch.add("global_avg_pool", [x], (width,), inputs=width, outputs=width)
        return sketch, sketch.linear(x, width, self.classes)
