"""Small networks that inherit from each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


def trained(network: nn.Module, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """Return the network as after a training: its statistics and weights are its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for _ in range(20):
            network.train()(torch.randn(16, *shape, generator=generator))
        for weight in network.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    return network.eval()


def block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Build convolution, batch norm and relu."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def convolutional(*widths: int, kernel: int = 3) -> nn.Module:
    """Build blocks of these widths, and a head over the whole image."""
    blocks = [block(a, b, kernel) for a, b in zip((3, *widths), widths, strict=False)]
    return nn.Sequential(*blocks, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4 * widths[-1], 5))


def perceptron(*widths: int) -> nn.Module:
    """Build hidden layers of these widths."""
    layers = [
        nn.Sequential(nn.Linear(a, b), nn.ReLU())
        for a, b in zip((6, *widths), widths, strict=False)
    ]
    return nn.Sequential(*layers, nn.Linear(widths[-1], 5))


class Residual(nn.Module):
    """Blocks that are added to a stream, which a gate per channel and one per place weigh."""

    def __init__(self, width: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.stem = block(3, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Tanh(), block(width, hidden), nn.Conv2d(hidden, width, 1), nn.BatchNorm2d(width)
            )
            for _ in range(depth)
        )
        self.channels = nn.Conv2d(width, width, 1)
        self.places = nn.Conv2d(width, 1, 1)
        self.head = nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for each in self.blocks:
            x = x + each(x)
        x = x * torch.sigmoid(self.channels(x.mean((2, 3), keepdim=True)))
        x = x * torch.sigmoid(self.places(x))
        out: Tensor = self.head(x.mean((2, 3)))
        return out


class Depthwise(nn.Module):
    """An expansion, a depthwise convolution and a projection, concatenated with what they read."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.stem, self.expand = block(3, width), block(width, hidden, 1)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.head = nn.Linear(width + hidden, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.depthwise(self.expand(x))
        out: Tensor = self.head(torch.cat([x, y], dim=1).mean((2, 3)))
        return out


class Gated(nn.Module):
    """A perceptron whose first projection holds gates and values side by side."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.widen, self.narrow = nn.Linear(6, 2 * hidden), nn.Linear(hidden, 5)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.widen(x).chunk(2, dim=-1)
        out: Tensor = self.narrow(silu(gate) * value)
        return out


class Recurrent(nn.Module):
    """A recurrent network that reads rows, and a head on its last state."""

    def __init__(self, kind: type[nn.RNNBase], width: int) -> None:
        super().__init__()
        self.cells = kind(6, width, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * width, 5)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.cells(x)[0][:, -1])
        return out


class Stepwise(nn.Module):
    """A recurrence written as a loop over a cell of torch."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(6, width), nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.cell.hidden_size)
        for step in x.unbind(1):
            h = self.cell(step, h)
        out: Tensor = self.head(h)
        return out


class Attending(nn.Module):
    """One layer of attention, with a single projection to queries, keys and values."""

    def __init__(self, width: int, heads: int, hidden: int = 8, layers: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.embed, self.place = nn.Linear(6, width), nn.Parameter(torch.randn(1, 7, width))
        self.project = nn.ModuleList(nn.Linear(width, 12 * heads) for _ in range(layers))
        self.out = nn.ModuleList(nn.Linear(4 * heads, width) for _ in range(layers))
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.place[:, : x.shape[1]]
        for project, merge in zip(self.project, self.out, strict=True):
            each = project(self.norm(x)).unflatten(-1, (3, self.heads, 4)).permute(2, 0, 3, 1, 4)
            seen = nn.functional.scaled_dot_product_attention(*each.unbind(0))
            x = x + merge(seen.transpose(1, 2).flatten(2))
        x = x + self.mlp(self.norm(x))
        out: Tensor = self.head(x.mean(1))
        return out
