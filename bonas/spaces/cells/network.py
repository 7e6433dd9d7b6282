"""The network of a cell plan: stem, stages of equal cells, reductions between them, head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bonas.spaces.cells.plan import CellPlan
from bonas.spaces.images import use_channels_last, with_channels


def conv_block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Build activation, convolution and batch norm: an operation of the benchmark."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def separable_block(channels: int, kernel: int) -> nn.Sequential:
    """Build activation, depthwise convolution, pointwise convolution and batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


OPERATIONS: dict[str, Callable[[int], nn.Module | None]] = {
    "none": lambda channels: None,
    "skip_connect": lambda channels: nn.Identity(),
    "nor_conv_1x1": lambda channels: conv_block(channels, channels, 1),
    "nor_conv_3x3": lambda channels: conv_block(channels, channels, 3),
    "nor_conv_5x5": lambda channels: conv_block(channels, channels, 5),
    "sep_conv_3x3": lambda channels: separable_block(channels, 3),
    "sep_conv_5x5": lambda channels: separable_block(channels, 5),
    "avg_pool_3x3": lambda channels: nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),
    "max_pool_3x3": lambda channels: nn.MaxPool2d(3, 1, padding=1),
}
"""An operation's name -> a function that builds it for a number of channels; None for no edge."""


class Cell(nn.Module):
    """One cell: node 0 is the input, every later node the sum of its edges, the last the output.

    Operations that lie on no path from input to output are built (so that the parameters are the
    benchmark's) but never run: they cost no time and get no gradient.
    """

    def __init__(self, plan: CellPlan, channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleDict()
        for (source, target), name in plan.operations.items():
            module = OPERATIONS[name](channels)
            if module is not None:
                self.operations[f"{source}_{target}"] = module
        self.last = plan.nodes - 1
        self.incoming = plan.live

    def forward(self, x: Tensor) -> Tensor:
        states = {0: x}
        for target, sources in self.incoming.items():
            parts = [self.operations[f"{s}_{target}"](states[s]) for s in sources]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            states[target] = total
        return states[self.last] if self.last in states else torch.zeros_like(x)


class Reduction(nn.Module):
    """A residual block that halves the image and changes the width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_block(inputs, outputs, 3, stride=2), conv_block(outputs, outputs, 3)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, 2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x) + self.shortcut(x)
        return out


class CellNetwork(nn.Module):
    """Images ``batch x channels x height x width`` to scores ``batch x classes``.

    Raises:
        InvalidData: on images of another number of channels (grey ones are always accepted).
    """

    def __init__(self, plan: CellPlan) -> None:
        super().__init__()
        self.in_channels = plan.in_channels
        self.stem = nn.Sequential(
            nn.Conv2d(plan.in_channels, plan.channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(plan.channels),
        )
        body: list[nn.Module] = []
        width = plan.channels
        for stage, (width, _) in enumerate(plan.frames()):
            if stage:
                body.append(Reduction(width // 2, width))
            body.extend(Cell(plan, width) for _ in range(plan.cells))
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, plan.classes),
        )
        use_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = with_channels(x, self.in_channels)
        out: Tensor = self.head(self.body(self.stem(x)))
        return out
