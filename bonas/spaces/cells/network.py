"""The network of a cell space: stem, stages of equal cells, reductions between them, head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces.images import use_channels_last, with_channels


def conv_block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Activation, convolution, batch norm: an operation of the benchmark."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def separable_block(channels: int, kernel: int) -> nn.Sequential:
    """Activation, depthwise convolution, pointwise convolution, batch norm."""
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
"""An operation's name -> what builds it for a number of channels; None carries nothing."""

Edge = tuple[int, int]


class Cell(nn.Module):
    """One cell: node 0 is the input, every later node the sum of its edges, the last the output.

    Operations that lie on no path from input to output are built (so that the parameters are the
    benchmark's) but never run: they cost no time and get no gradient.
    """

    def __init__(self, nodes: int, operations: Mapping[Edge, str], channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleDict()
        for (source, target), name in operations.items():
            module = OPERATIONS[name](channels)
            if module is not None:
                self.operations[f"{source}_{target}"] = module
        self.last = nodes - 1
        self.incoming = _live_edges(nodes, [e for e, name in operations.items() if name != "none"])

    def forward(self, x: Tensor) -> Tensor:
        states = {0: x}
        for target, sources in self.incoming.items():
            parts = [self.operations[f"{s}_{target}"](states[s]) for s in sources]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            states[target] = total
        return states[self.last] if self.last in states else torch.zeros_like(x)


def _live_edges(nodes: int, edges: Sequence[Edge]) -> dict[int, list[int]]:
    """A target node -> its sources, over the edges that lie on an input-output path."""
    reached, needed = {0}, {nodes - 1}
    for source, target in sorted(edges):
        if source in reached:
            reached.add(target)
    for source, target in sorted(edges, key=lambda edge: -edge[1]):
        if target in needed:
            needed.add(source)
    live = reached & needed
    incoming = {
        node: [s for s, t in edges if t == node and s in live] for node in sorted(live - {0})
    }
    return {node: sources for node, sources in incoming.items() if sources}


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
        InvalidData: on images of another number of channels (grey ones are always welcome).
    """

    def __init__(
        self,
        nodes: int,
        operations: Mapping[Edge, str],
        *,
        channels: int,
        cells: int,
        stages: int,
        classes: int,
        in_channels: int,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stem = _stem(in_channels, channels)
        body: list[nn.Module] = []
        for stage in range(stages):
            width = channels * 2**stage
            if stage:
                body.append(Reduction(width // 2, width))
            body.extend(Cell(nodes, operations, width) for _ in range(cells))
        self.body = nn.Sequential(*body)
        self.head = _head(channels * 2 ** (stages - 1), classes)
        use_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = with_channels(x, self.in_channels)
        out: Tensor = self.head(self.body(self.stem(x)))
        return out


def _stem(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
    )


def _head(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, classes),
    )


@dataclass(frozen=True, slots=True)
class CellCosts:
    """Parameters and multiply-adds of a cell network, without building it."""

    channels: int
    cells: int
    stages: int
    classes: int
    in_channels: int
    image_size: int

    def of(self, operations: Sequence[str]) -> dict[str, float]:
        """The costs of the network with these operations on the edges of its cells."""
        parameters, multiply_adds = _module_costs(
            "stem", self.in_channels, self.channels, self.image_size
        )
        width, size = self.channels, self.image_size
        for stage in range(self.stages):
            if stage:
                more = _module_costs("reduction", width, 2 * width, size)
                parameters, multiply_adds = parameters + more[0], multiply_adds + more[1]
                width, size = 2 * width, -(-size // 2)
            for operation in operations:
                each = _module_costs(operation, width, width, size)
                parameters += self.cells * each[0]
                multiply_adds += self.cells * each[1]
        head = _module_costs("head", width, self.classes, size)
        return {
            "parameters": float(parameters + head[0]),
            "multiply_adds": float(multiply_adds + head[1]),
        }


@cache
def _module_costs(kind: str, inputs: int, outputs: int, size: int) -> tuple[int, int]:
    """Parameters and multiply-adds of one part on a ``size x size`` image, on the meta device."""
    with torch.device("meta"):
        if kind == "stem":
            module: nn.Module | None = _stem(inputs, outputs)
        elif kind == "reduction":
            module = Reduction(inputs, outputs)
        elif kind == "head":
            module = _head(inputs, outputs)
        else:
            module = OPERATIONS[kind](inputs)
        if module is None:
            return 0, 0
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            module(torch.zeros(2, inputs, size, size))
    flops: int = counter.get_total_flops()
    return sum(p.numel() for p in module.parameters()), flops // 4  # 2 images, 2 flops a product
