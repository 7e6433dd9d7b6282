"""The plan of a cell of a DARTS network: what it computes, at which width and size.

A cell has two inputs, states 0 and 1: the outputs of the cell before the last, and of the last. It
brings both to its own width by 1x1 convolutions. Every later state is the sum of operations on
earlier ones, and the output is the concatenation of all those later states. The operations of a
reduction cell on states 0 and 1 have stride 2.

What cannot matter is left out: operations ``none`` and those that read nothing but zeros, and
inputs that no operation reads.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bonas.spaces.sketch import Sketch

KERNELS: Mapping[str, int] = {
    "max_pool_3x3": 3,
    "avg_pool_3x3": 3,
    "skip_connect": 0,
    "sep_conv_3x3": 3,
    "sep_conv_5x5": 5,
    "dil_conv_3x3": 3,
    "dil_conv_5x5": 5,
    "none": 0,
}
"""An operation's name -> the side of its kernel, 0 for none; the first seven are those of DARTS."""

Step = tuple[str, int]  # an operation, and the state that it reads
Design = tuple[tuple[Step, ...], ...]  # the steps of each state from 2 on


def design(states: Iterable[Iterable[Step]]) -> Design:
    """Return the steps of each state from 2 on, without those that contribute nothing but zeros."""
    live, kept = {0, 1}, []
    for state, steps in enumerate(states, start=2):
        kept.append(tuple(step for step in steps if step[0] != "none" and step[1] in live))
        if kept[-1]:
            live.add(state)
    return tuple(kept)


@dataclass(frozen=True, slots=True)
class CellPlan:
    """One cell of a network; sizes are sides of images in pixels.

    Args:
        design: What it computes.
        inputs: Channels of states 0 and 1, before the 1x1 convolutions.
        width: Channels of every later state.
        size: Of state 1; the output has half of it where ``reduces``.
        reduces: Whether this is a reduction cell.
        halves: Whether the last cell was one, so that state 0 is twice as large as state 1.
    """

    design: Design
    inputs: tuple[int, int]
    width: int
    size: int
    reduces: bool
    halves: bool

    @property
    def outputs(self) -> int:
        """Channels of the cell's output."""
        return self.width * len(self.design)

    @property
    def output_size(self) -> int:
        """Side of the cell's output."""
        return -(-self.size // 2) if self.reduces else self.size

    @property
    def used(self) -> tuple[int, ...]:
        """Those of the states 0 and 1 that are read."""
        read = {state for steps in self.design for _, state in steps}
        return tuple(state for state in (0, 1) if state in read)

    def stride(self, state: int) -> int:
        """Return the stride of the operations that read ``state``."""
        return 2 if self.reduces and state < 2 else 1

    def input_stride(self, state: int) -> int:
        """Return the stride of the 1x1 convolution that makes state 0 or 1."""
        return 2 if self.halves and state == 0 else 1

    def add_to(self, sketch: Sketch, sources: tuple[int, int]) -> int:
        """Add the cell, which reads the operations ``sources``, and return its output."""
        states = {
            state: sketch.convolution(
                sources[state],
                self.inputs[state],
                self.width,
                1,
                self.input_stride(state),
                label=f"cell_input_{state}",
            )
            for state in self.used
        }
        shape = (self.width, self.output_size, self.output_size)
        for state, steps in enumerate(self.design, start=2):
            if steps:
                parts = [
                    _add_operation(sketch, name, states[source], shape, self.stride(source))
                    for name, source in steps
                ]
                states[state] = sketch.add("add", parts, shape, outputs=self.width)
        ends = [number for state, number in states.items() if state > 1]
        return sketch.add("concat", ends, (self.outputs, *shape[1:]), outputs=self.outputs)


def _add_operation(
    sketch: Sketch, name: str, source: int, shape: tuple[int, int, int], stride: int
) -> int:
    """Add an operation of a cell whose output has ``shape``, and return its number."""
    width, size, _ = shape
    if name == "skip_connect" and stride == 2:
        return sketch.convolution(source, width, width, 1, stride, label=name)
    kernel = KERNELS[name]
    pairs = {"sep": 2, "dil": 1}.get(name[:3], 0)  # of a depthwise and a 1x1 convolution
    weights = pairs * (kernel**2 * width + width**2)
    return sketch.add(
        name,
        [source],
        shape,
        parameters=weights + pairs * 2 * width,
        multiply_adds=weights * size**2,
        inputs=width,
        outputs=width,
        kernel=kernel,
        stride=stride,
        groups=width if pairs else 0,
    )
