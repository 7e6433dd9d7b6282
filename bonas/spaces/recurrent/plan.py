"""The plan of a recurrent network: layers of one kind of cell.

    x = input;  for each layer:  y = cell(norm(x));  x = x + y or y;  scores = linear(last states)

Norm and sum lie between layers, so they begin with the second one. A bidirectional layer has two
cells and concatenates their outputs; its last states are that of the last step forwards and that of
the first step backwards. A cell of g gates with h units that reads n numbers per step has
g h (n + h) weights, each multiplied once per step:

    rnn    g = 1, Elman (1990), "Finding structure in time", Cognitive Science
    mgu    g = 2, Zhou et al. (2016), "Minimal gated unit for recurrent neural networks", IJAC
    gru    g = 3, Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder ..."
    lstm   g = 4, Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation
"""

from __future__ import annotations

from dataclasses import dataclass

from bonas.spaces.sketch import Sketch

GATES = {"rnn": 1, "mgu": 2, "gru": 3, "lstm": 4}
"""A cell's name -> its gates, the candidate for the new state included."""

_BIASES = {"rnn": 2, "mgu": 1, "gru": 2, "lstm": 2}  # per gate and unit; torch's cells have two


@dataclass(frozen=True, slots=True)
class RecurrentPlan:
    """A whole network; ``width`` is the units of a cell, ``outputs`` classes or targets."""

    inputs: int
    length: int
    outputs: int
    cell: str
    depth: int
    width: int
    bidirectional: bool
    residual: bool
    layer_norm: bool

    @property
    def carried(self) -> int:
        """The numbers per step that a layer passes to the next one."""
        return 2 * self.width if self.bidirectional else self.width

    def sketch(self) -> tuple[Sketch, int]:
        """Return the network as a sketch, and its output; one node per cell and direction."""
        sketch = Sketch((self.length, self.inputs))
        x = self._layer(sketch, sketch.input, self.inputs)
        steps = (self.length, self.carried)
        for _ in range(self.depth - 1):
            before = x
            if self.layer_norm:
                n = self.carried
                x = sketch.add("layer_norm", [x], steps, parameters=2 * n, outputs=n)
            x = self._layer(sketch, x, self.carried)
            if self.residual:
                x = sketch.add("add", [before, x], steps, outputs=self.carried)
        x = sketch.add("last_state", [x], (self.carried,), outputs=self.carried)
        return sketch, sketch.linear(x, self.carried, self.outputs)

    def _layer(self, sketch: Sketch, source: int, inputs: int) -> int:
        """Add the cells of a layer, and return its output."""
        gates, width = GATES[self.cell], self.width
        weights = gates * width * (inputs + width)
        directions = [
            sketch.add(
                self.cell,
                [source],
                (self.length, width),
                parameters=weights + _BIASES[self.cell] * gates * width,
                multiply_adds=self.length * weights,
                inputs=inputs,
                outputs=width,
            )
            for _ in range(2 if self.bidirectional else 1)
        ]
        if not self.bidirectional:
            return directions[0]
        return sketch.add("concat", directions, (self.length, 2 * width), outputs=2 * width)
