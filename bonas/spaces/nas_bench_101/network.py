"""The network of a NAS-Bench-101 plan: stem, stacks of equal cells, halvings between them, head."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from bonas.spaces.images import use_channels_last, with_channels
from bonas.spaces.nas_bench_101.cell import KERNELS, POOL, Cell
from bonas.spaces.nas_bench_101.plan import NASBench101Plan


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Build convolution, norm and activation.

    The benchmark's norms keep 0.997 of their running means at each step, which takes thousands of
    steps to forget the initial ones; here it is 0.9, so that a short training suffices.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _operation(name: str, width: int) -> nn.Module:
    """Build the operation of a vertex."""
    if name == POOL:
        return nn.MaxPool2d(3, 1, padding=1)
    return _convolution(width, width, KERNELS[name])


class CellModule(nn.Module):
    """A pruned cell from ``inputs`` to ``outputs`` channels."""

    def __init__(self, cell: Cell, inputs: int, outputs: int) -> None:
        super().__init__()
        self.cell = cell
        self.widths = cell.widths(inputs, outputs)
        self.operations = nn.ModuleList(
            _operation(name, self.widths[vertex])
            for vertex, name in enumerate(cell.operations, start=1)
        )
        self.projections = nn.ModuleDict(
            {
                str(vertex): _convolution(inputs, self.widths[vertex], 1)
                for vertex in range(1, cell.last + 1)
                if cell.projects(vertex)
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        states = [x]
        for vertex, operation in enumerate(self.operations, start=1):
            width = self.widths[vertex]
            parts = [states[source][:, :width] for source in self.cell.sources(vertex)]
            states.append(operation(self._with_input(x, vertex, parts)))
        ends = [states[source] for source in self.cell.sources(self.cell.last)]
        return self._with_input(x, self.cell.last, [torch.cat(ends, dim=1)] if ends else [])

    def _with_input(self, x: Tensor, vertex: int, parts: list[Tensor]) -> Tensor:
        """Return the sum of ``parts`` and, where the vertex reads it, of the cell's input."""
        if self.cell.projects(vertex):
            parts = [*parts, self.projections[str(vertex)](x)]
        return reduce(torch.add, parts)


class NASBench101Network(nn.Module):
    """Images ``batch x channels x height x width`` to scores ``batch x classes``.

    Raises:
        InvalidData: on images of another number of channels (grey ones are always accepted).
    """

    def __init__(self, plan: NASBench101Plan) -> None:
        super().__init__()
        self.in_channels = plan.in_channels
        body: list[nn.Module] = [_convolution(plan.in_channels, plan.channels, 3)]
        inputs = plan.channels
        for stack, outputs in enumerate(plan.widths):
            if stack:
                body.append(nn.MaxPool2d(2, 2, ceil_mode=True))
            for _ in range(plan.cells):
                body.append(CellModule(plan.cell, inputs, outputs))
                inputs = outputs
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, plan.classes)
        )
        use_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = with_channels(x, self.in_channels)
        out: Tensor = self.head(self.body(x))
        return out
