"""The plan of a mobile network: widths and blocks, from which it is sketched, built or scaled.

    stem: 3x3 conv -> stages of inverted residual blocks -> head: 1x1 conv, pool, linear

    block: 1x1 conv to e c channels -> k x k depthwise conv -> squeeze-excite -> 1x1 conv  (+ input)

Each convolution is followed by a batch norm and, except the last of a block, by the activation. In
the sketch both belong to the convolution's node, as they are merged with it when a network is used;
a squeeze-excite is one node.

Sources: Sandler et al. (2018), "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR;
Hu et al. (2018), "Squeeze-and-excitation networks", CVPR; Howard et al. (2019), "Searching for
MobileNetV3", ICCV.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bonas.spaces.sketch import Sketch

_DIVISOR = 8
_SQUEEZE = 4  # MobileNetV3's: a quarter of the channels that are weighed


def rounded_channels(channels: float) -> int:
    """Return the nearest multiple of 8, at least 8, and at least nine tenths of ``channels``.

    The rule of MobileNet and EfficientNet: such widths run fast on most processors.

    >>> [rounded_channels(c) for c in (3, 12, 19.2, 24, 90)]
    [8, 16, 24, 24, 88]
    """
    nearest = max(_DIVISOR, int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest if nearest >= 0.9 * channels else nearest + _DIVISOR


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted residual block with ``hidden`` channels between its 1x1 convolutions."""

    inputs: int
    hidden: int
    outputs: int
    kernel: int
    stride: int
    squeeze_excite: bool

    @property
    def expands(self) -> bool:
        """Whether it begins with a 1x1 convolution."""
        return self.hidden != self.inputs

    @property
    def residual(self) -> bool:
        """Whether its input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs

    @property
    def squeezed(self) -> int:
        """Channels inside the squeeze-excite."""
        return rounded_channels(self.hidden / _SQUEEZE)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """Blocks of one width, each a pair (kernel, expansion); the first has the stride."""

    width: int
    stride: int
    squeeze_excite: bool
    blocks: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class MobilePlan:
    """A whole network; widths are numbers of channels, sizes are sides of images in pixels.

    ``resolution`` is what images are resized to inside the network, None takes them as they come;
    ``image_size`` is then what costs are counted for.
    """

    stages: tuple[StagePlan, ...]
    stem: int
    stem_stride: int
    head: int
    classes: int
    in_channels: int
    activation: str
    image_size: int
    resolution: int | None

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks in the order in which data flow."""
        width = self.stem
        for stage in self.stages:
            for i, (kernel, expansion) in enumerate(stage.blocks):
                hidden = width if expansion == 1 else rounded_channels(expansion * width)
                stride = 1 if i else stage.stride
                yield Block(width, hidden, stage.width, kernel, stride, stage.squeeze_excite)
                width = stage.width

    def scaled(self, depth: float, width: float, resolution: float) -> MobilePlan:
        """Return the plan scaled: each stage repeats its last block, channels and images grow."""
        size = self.resolution or self.image_size
        return replace(
            self,
            stages=tuple(_scaled_stage(stage, depth, width) for stage in self.stages),
            stem=rounded_channels(self.stem * width),
            head=rounded_channels(self.head * width),
            resolution=self.resolution if resolution == 1 else max(1, round(size * resolution)),
        )

    def sketch(self) -> tuple[Sketch, int]:
        """Return the network as a sketch, and its output."""
        sketch = Sketch((self.in_channels, self.image_size, self.image_size))
        x, size = sketch.input, self.image_size
        if self.resolution is not None:
            size = self.resolution
            x = sketch.add("interpolate", [x], (self.in_channels, size, size))
        x = sketch.convolution(x, self.in_channels, self.stem, 3, self.stem_stride)
        width = self.stem
        for block in self.blocks():
            with sketch.block("inverted residual"):
                x = _add_block(sketch, x, block)
            width = block.outputs
        x = sketch.convolution(x, width, self.head, 1)
        x = sketch.add("global_avg_pool", [x], (self.head,), inputs=self.head, outputs=self.head)
        return sketch, sketch.linear(x, self.head, self.classes)


def _scaled_stage(stage: StagePlan, depth: float, width: float) -> StagePlan:
    """Return a stage with scaled depth and width."""
    n = math.ceil(round(depth * len(stage.blocks), 6))  # 1.1 x 10 is 11, not a little more
    return replace(
        stage,
        width=rounded_channels(stage.width * width),
        blocks=(*stage.blocks, *[stage.blocks[-1]] * n)[:n],
    )


def _add_block(sketch: Sketch, source: int, block: Block) -> int:
    """Add an inverted residual block, and return its output."""
    x, hidden = source, block.hidden
    if block.expands:
        x = sketch.convolution(x, block.inputs, hidden, 1)
    x = sketch.convolution(x, hidden, hidden, block.kernel, block.stride, groups=hidden)
    if block.squeeze_excite:
        x = _add_squeeze_excite(sketch, x, hidden, block.squeezed)
    x = sketch.convolution(x, hidden, block.outputs, 1)
    if block.residual:
        x = sketch.add("add", [source, x], sketch.operations[x].shape, outputs=block.outputs)
    return x


def _add_squeeze_excite(sketch: Sketch, source: int, channels: int, squeezed: int) -> int:
    """Add a squeeze-excite as one node, and return its number."""
    weights = 2 * channels * squeezed
    return sketch.add(
        "squeeze_excite",
        [source],
        sketch.operations[source].shape,
        parameters=weights + squeezed + channels,
        multiply_adds=weights,
        inputs=channels,
        outputs=channels,
    )
