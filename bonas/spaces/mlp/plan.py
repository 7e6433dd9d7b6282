"""The plan of a multilayer perceptron: its widths, and what each hidden layer is made of.

layer: linear -> normalisation -> activation -> dropout  (+ input, where the widths agree)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from bonas.spaces.sketch import Sketch


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One hidden layer, of ``inputs`` to ``outputs`` units; ``adds`` is whether it is residual."""

    inputs: int
    outputs: int
    activation: str
    norm: str
    dropout: float
    adds: bool


@dataclass(frozen=True, slots=True)
class PerceptronPlan:
    """A whole network; ``widths`` are those of the hidden layers."""

    inputs: int
    widths: tuple[int, ...]
    classes: int
    activation: str
    norm: str
    residual: bool
    dropout: float = 0.0

    def layers(self) -> list[LayerPlan]:
        """Return the hidden layers in the order in which data flow."""
        return [
            LayerPlan(
                before,
                width,
                self.activation,
                self.norm,
                self.dropout,
                adds=self.residual and before == width,
            )
            for before, width in pairwise([self.inputs, *self.widths])
        ]

    def sketch(self) -> tuple[Sketch, int]:
        """Return the network as a sketch without dropout, and its output."""
        sketch = Sketch((self.inputs,))
        x = sketch.input
        for layer in self.layers():
            x = _add_layer(sketch, x, layer)
        return sketch, sketch.linear(x, self.widths[-1], self.classes)


def _add_layer(sketch: Sketch, source: int, layer: LayerPlan) -> int:
    """Add one hidden layer, and return its output."""
    units = layer.outputs
    x = sketch.linear(source, layer.inputs, units)
    if layer.norm != "none":
        x = sketch.add(layer.norm, [x], (units,), parameters=2 * units, outputs=units)
    x = sketch.add(layer.activation, [x], (units,), outputs=units)
    return sketch.add("add", [source, x], (units,), outputs=units) if layer.adds else x
