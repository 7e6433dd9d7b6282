"""The plan of a network of DARTS cells: its layers, from which it is sketched or built.

    stem: 3x3 conv to 3 c channels -> cells, those at 1/3 and 2/3 reduce -> pool, linear

The first cells are c channels wide; each reduction cell doubles the width and halves the image.
A cell that no later one reads is left out.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass

from bonas.spaces.darts.cell import CellPlan, Design
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.sketch import Sketch

_STEM_WIDTH = 3  # times the channels of the first cell


@dataclass(frozen=True, slots=True)
class DARTSPlan:
    """A whole network: two designs, and the frame that repeats them."""

    normal: Design
    reduction: Design
    channels: int
    cells: int
    classes: int
    in_channels: int
    image_size: int

    @property
    def has_output(self) -> bool:
        """Whether both kinds of cells contribute something, so that the network can be built."""
        return any(self.normal) and any(self.reduction)

    @property
    def reductions(self) -> tuple[int, int]:
        """The numbers of the reduction cells, counted from 0."""
        return self.cells // 3, 2 * self.cells // 3

    @property
    def stem(self) -> int:
        """Channels after the first convolution."""
        return _STEM_WIDTH * self.channels

    def layers(self) -> list[CellPlan]:
        """Return all cells, also those that no later one reads."""
        inputs, width, size = (self.stem, self.stem), self.channels, self.image_size
        layers: list[CellPlan] = []
        for i in range(self.cells):
            reduces, halves = i in self.reductions, i - 1 in self.reductions
            width = 2 * width if reduces else width
            design = self.reduction if reduces else self.normal
            cell = CellPlan(design, inputs, width, size, reduces, halves)
            layers.append(cell)
            inputs, size = (inputs[1], cell.outputs), cell.output_size
        return layers

    def sketch(self) -> tuple[Sketch, int]:
        """Return the whole network as a sketch, and its output."""
        layers = self.layers()
        sketch, stem = self._started()
        before, last = stem, stem
        for cell, live in zip(layers, live_layers(layers), strict=True):
            before, last = last, cell.add_to(sketch, (before, last)) if live else last
        return sketch, self._add_head(sketch, last)

    def graph(self) -> ArchitectureGraph:
        """Return the graph of ``designs``."""
        sketch, output = self.designs()
        return sketch.graph(output)

    def designs(self) -> tuple[Sketch, int]:
        """Return the first normal cell and the first reduction cell on top of it, as a sketch.

        Stem and head are in it; a kind of cell that nothing reads in the whole network is not.
        """
        layers = self.layers()
        live = [
            cell.reduces for cell, read in zip(layers, live_layers(layers), strict=True) if read
        ]
        sketch, x = self._started()
        for cell in (layers[0], layers[self.reductions[0]]):
            if cell.reduces in live:
                name = "reduction cell" if cell.reduces else "normal cell"
                with sketch.block(f"{name}, {live.count(cell.reduces)} of {len(live)}"):
                    x = cell.add_to(sketch, (x, x))
        return sketch, self._add_head(sketch, x)

    def _started(self) -> tuple[Sketch, int]:
        """Return a sketch that holds the stem, and the stem's number."""
        size = self.image_size
        sketch = Sketch((self.in_channels, size, size))
        return sketch, sketch.convolution(sketch.input, self.in_channels, self.stem, 3)

    def _add_head(self, sketch: Sketch, x: int) -> int:
        """Add pooling and the classifier, and return the output."""
        width = sketch.operations[x].shape[0]
        x = sketch.add("global_avg_pool", [x], (width,), inputs=width, outputs=width)
        return sketch.linear(x, width, self.classes)


def live_layers(layers: list[CellPlan]) -> list[bool]:
    """Return whether each cell is read, directly or not, by the last one."""
    live = [False] * len(layers)
    live[-1] = True
    for i in reversed(range(len(layers))):
        for state in layers[i].used if live[i] else ():
            if i - 2 + state >= 0:
                live[i - 2 + state] = True
    return live
