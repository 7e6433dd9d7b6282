"""The network of a recurrent plan: its cells, with norms and sums between the layers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.spaces.recurrent.plan import RecurrentPlan

_TORCH: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


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
    """One cell, or one forwards and one backwards, over ``batch x steps x inputs``."""

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

    A grey image ``batch x 1 x height x width`` is read row by row. Any length will do.

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
    """Return ``x`` as ``batch x length x inputs``.

    Raises:
        InvalidData: if its shape is another.
    """
    rows = x.squeeze(1) if x.ndim == 4 and x.shape[1] == 1 else x
    if rows.ndim != 3 or rows.shape[2] != inputs or rows.shape[1] == 0:
        raise InvalidData(
            f"expected sequences of shape batch x length x {inputs}, got {tuple(x.shape)}; "
            "set inputs of the space"
        )
    return rows
