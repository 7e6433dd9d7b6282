"""The network of a DARTS plan: cells that each read the two before them."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from bonas.spaces.darts.cell import KERNELS, CellPlan
from bonas.spaces.darts.plan import DARTSPlan, live_layers
from bonas.spaces.images import use_channels_last, with_channels


class FactorizedReduction(nn.Module):
    """A halving of an image: half of the channels read its even pixels, half its odd ones."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(x)
        shifted = pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]  # padded, or odd sides would lose a pixel
        out: Tensor = self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))
        return out


def _pointwise(inputs: int, outputs: int, stride: int) -> nn.Module:
    """Build activation, 1x1 convolution and norm; with stride 2 it still reads all pixels."""
    if stride == 2:
        return FactorizedReduction(inputs, outputs)
    return nn.Sequential(
        nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
    )


def _depthwise(width: int, kernel: int, stride: int, dilation: int) -> nn.Sequential:
    """Build activation, depthwise convolution, 1x1 convolution and norm."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride, padding, dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def operation(name: str, width: int, stride: int) -> nn.Module:
    """Build an operation of a cell."""
    kernel = KERNELS[name]
    if name.startswith("sep"):
        return nn.Sequential(_depthwise(width, kernel, stride, 1), _depthwise(width, kernel, 1, 1))
    if name.startswith("dil"):
        return _depthwise(width, kernel, stride, 2)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    return _pointwise(width, width, stride) if stride == 2 else nn.Identity()


class Cell(nn.Module):
    """One cell: two images in, ``plan.outputs`` channels out."""

    def __init__(self, plan: CellPlan) -> None:
        super().__init__()
        self.design = plan.design
        self.inputs = nn.ModuleDict(
            {
                str(i): _pointwise(plan.inputs[i], plan.width, plan.input_stride(i))
                for i in plan.used
            }
        )
        self.operations = nn.ModuleDict(
            {
                f"{state}_{n}": operation(name, plan.width, plan.stride(i))
                for state, steps in enumerate(plan.design, start=2)
                for n, (name, i) in enumerate(steps)
            }
        )

    def forward(self, x0: Tensor, x1: Tensor) -> Tensor:
        states = {int(i): module((x0, x1)[int(i)]) for i, module in self.inputs.items()}
        for state, steps in enumerate(self.design, start=2):
            parts = [self.operations[f"{state}_{n}"](states[i]) for n, (_, i) in enumerate(steps)]
            if parts:
                states[state] = reduce(torch.add, parts)
        return self._concatenated(states)

    def _concatenated(self, states: dict[int, Tensor]) -> Tensor:
        """Concatenate all states from 2 on; one that no path leads to is zero."""
        like = next(x for state, x in states.items() if state > 1)
        later = range(2, len(self.design) + 2)
        return torch.cat([states.get(i, torch.zeros_like(like)) for i in later], dim=1)


class DARTSNetwork(nn.Module):
    """Images ``batch x channels x height x width`` to scores ``batch x classes``.

    Raises:
        InvalidData: on images of another number of channels (grey ones are always accepted).
    """

    def __init__(self, plan: DARTSPlan) -> None:
        super().__init__()
        self.in_channels, self.depth = plan.in_channels, plan.cells
        self.stem = nn.Sequential(
            nn.Conv2d(plan.in_channels, plan.stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(plan.stem),
        )
        layers = plan.layers()
        self.cells = nn.ModuleDict(
            {
                str(i): Cell(cell)
                for i, (cell, live) in enumerate(zip(layers, live_layers(layers), strict=True))
                if live
            }
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(layers[-1].outputs, plan.classes)
        )
        use_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = with_channels(x, self.in_channels)
        before = last = self.stem(x)
        for i in range(self.depth):
            name = str(i)  # a cell that is not there is not read either
            output = self.cells[name](before, last) if name in self.cells else last
            before, last = last, output
        out: Tensor = self.head(last)
        return out
