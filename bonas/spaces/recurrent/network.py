"""A recurrent network written down, sketched and built.

    x = input;  for each layer:  y = cell(norm(x));  x = x + y or y;  scores = linear(last states)

Norm and sum lie between layers, so they begin with the second one. A layer that reads both ways has
two cells and puts their outputs side by side; its last states are that of the last step forwards
and that of the first step backwards. A cell of g gates with h units that reads n numbers a step has
g h (n + h) weights, each multiplied once a step:

    rnn    g = 1, Elman (1990), "Finding structure in time", Cognitive Science
    mgu    g = 2, Zhou et al. (2016), "Minimal gated unit for recurrent neural networks", IJAC
    gru    g = 3, Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder ..."
    lstm   g = 4, Hochreiter and Schmidhuber (1997), "Long short-term memory", Neural Computation
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.spaces.sketch import Sketch

GATES = {"rnn": 1, "mgu": 2, "gru": 3, "lstm": 4}
"""A cell's name -> its gates, the candidate for the new state included."""

_TORCH: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
_BIASES = {"rnn": 2, "mgu": 1, "gru": 2, "lstm": 2}  # a gate and unit; torch's cells have two


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
        """The numbers a step that a layer gives to the next one."""
        return 2 * self.width if self.bidirectional else self.width

    def sketch(self) -> tuple[Sketch, int]:
        """The network drawn, and its output."""
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


class MinimalGatedUnit(nn.Module):
    """``batch x steps x inputs`` to the state after each step, ``batch x steps x width``.

    f = sigmoid(U x + V h + b);  c = tanh(U' x + V' (f h) + b');  h = (1 - f) h + f c
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.read = nn.Linear(inputs, 2 * width)
        self.forget = nn.Linear(width, width, bias=False)
        self.renew = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        of_gate, of_candidate = self.read(x).chunk(2, dim=-1)
        h = torch.zeros_like(of_gate[:, 0])
        states: list[Tensor] = []
        for step in range(x.shape[1]):
            f = torch.sigmoid(of_gate[:, step] + self.forget(h))
            candidate = torch.tanh(of_candidate[:, step] + self.renew(f * h))
            h = (1 - f) * h + f * candidate
            states.append(h)
        return torch.stack(states, dim=1)


class RecurrentLayer(nn.Module):
    """A cell, or one forwards and one backwards, over ``batch x steps x inputs``."""

    def __init__(self, cell: str, inputs: int, width: int, bidirectional: bool) -> None:
        super().__init__()
        self.own = cell == "mgu"
        ways = 2 if bidirectional else 1
        self.cells = nn.ModuleList(
            [MinimalGatedUnit(inputs, width) for _ in range(ways)]
            if self.own
            else [_TORCH[cell](inputs, width, batch_first=True, bidirectional=bidirectional)]
        )

    def forward(self, x: Tensor) -> Tensor:
        if not self.own:
            out: Tensor = self.cells[0](x)[0]
            return out
        ways = [self.cells[0](x), *(cell(x.flip(1)).flip(1) for cell in self.cells[1:])]
        return torch.cat(ways, dim=-1)


class RecurrentNetwork(nn.Module):
    """Sequences ``batch x length x inputs`` to ``batch x outputs``.

    A grey image ``batch x 1 x height x width`` is read row by row. The length is free.

    Raises:
        InvalidData: on another shape.
    """

    def __init__(self, plan: RecurrentPlan) -> None:
        super().__init__()
        self.plan = plan
        widths = [plan.inputs, *[plan.carried] * (plan.depth - 1)]
        self.layers = nn.ModuleList(
            RecurrentLayer(plan.cell, width, plan.width, plan.bidirectional) for width in widths
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(plan.carried) if plan.layer_norm else nn.Identity() for _ in widths[1:]
        )
        self.head = nn.Linear(plan.carried, plan.outputs)

    def forward(self, x: Tensor) -> Tensor:
        plan = self.plan
        x = self.layers[0](_sequences(x, plan.inputs))
        for norm, layer in zip(self.norms, list(self.layers)[1:], strict=True):
            y = layer(norm(x))
            x = x + y if plan.residual else y
        out: Tensor = self.head(torch.cat([x[:, -1, : plan.width], x[:, 0, plan.width :]], dim=-1))
        return out


def _sequences(x: Tensor, inputs: int) -> Tensor:
    rows = x.squeeze(1) if x.ndim == 4 and x.shape[1] == 1 else x
    if rows.ndim != 3 or rows.shape[2] != inputs or rows.shape[1] == 0:
        raise InvalidData(
            f"expected sequences of shape batch x length x {inputs}, got {tuple(x.shape)}; "
            "set inputs of the space"
        )
    return rows
