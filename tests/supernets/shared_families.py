"""Families whose networks are built in ways that people write, and the keys of their weights."""

# ruff: noqa: C417, PERF401, RUF007 - loops as people write them, each of its own kind

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bonas.spaces import Choices, Family, Space
from bonas.spaces.families import space
from bonas.supernets.sharing import sharing_of

Build = Callable[[Any], nn.Module]
IMAGE = torch.zeros(1, 3, 8, 8)


def keys(of: Space, choices: Choices) -> dict[str, str]:
    """Return the name of each parameter -> the key of the first piece of its slot."""
    _, slots = sharing_of(of).build(choices)
    return {slot.name: slot.pieces[0].key for slot in slots}


def family(build: Build, example: Tensor = IMAGE) -> Family:
    """Return the space of a builder."""
    return space(build, input=example)


def conv(inputs: int, width: int, kernel: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width), nn.ReLU()
    )


def head(width: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]


def skipping(choose: Any) -> nn.Module:
    """Blocks that may be left out, in a loop."""
    layers = [conv(3, 8)]
    for i in range(3):
        if choose(f"on{i}", [True, False]):
            layers.append(conv(8, 8, choose(f"kernel{i}", [3, 5])))
    return nn.Sequential(*layers, *head(8))


def skipping_ahead(choose: Any) -> nn.Module:
    """The same, with all questions first."""
    on = [choose(f"on{i}", [True, False]) for i in range(3)]
    layers = [conv(3, 8)]
    for i in range(3):
        if on[i]:
            layers.append(conv(8, 8))
    return nn.Sequential(*layers, *head(8))


def named(choose: Any) -> nn.Module:
    """Blocks by a dict of functions."""
    layers = [conv(3, 8)]
    for i in range(choose("depth", [2, 3])):
        options = {"conv": lambda: conv(8, 8), "skip": nn.Identity, "prelu": nn.PReLU}
        layers.append(choose(f"block{i}", options))
    return nn.Sequential(*layers, *head(8))


def staged(choose: Any) -> nn.Module:
    """Loops over stages and blocks, in one function."""
    layers, inputs = [], 3
    for s in range(2):
        width = choose(f"width{s}", [8, 16])
        for _ in range(choose(f"depth{s}", [1, 2, 3])):
            layers.append(conv(inputs, width))
            inputs = width
    return nn.Sequential(*layers, *head(inputs))


def zipped(choose: Any) -> nn.Module:
    """Stages whose widths and depths are asked for first, and may be equal."""
    widths = [choose(f"width{s}", [8, 16]) for s in range(2)]
    depths = [choose(f"depth{s}", [1, 2]) for s in range(2)]
    layers, inputs = [], 3
    for width, depth in zip(widths, depths, strict=True):
        for _ in range(depth):
            layers.append(conv(inputs, width))
            inputs = width
    return nn.Sequential(*layers, *head(inputs))


def comprehended(choose: Any) -> nn.Module:
    """A comprehension, of which the items are equal or not."""
    widths = [8, *(choose(f"width{i}", [8, 16]) for i in range(3))]
    blocks = [conv(i, o) for i, o in zip(widths, widths[1:], strict=False)]
    return nn.Sequential(conv(3, 8), *blocks, *head(widths[-1]))


def mapped(choose: Any) -> nn.Module:
    """Calls that C makes."""
    blocks = map(lambda _: conv(8, 8), range(choose("depth", [1, 2, 3])))
    return nn.Sequential(conv(3, 8), *blocks, *head(8))


def while_loop(choose: Any) -> nn.Module:
    layers, left = [conv(3, 8)], choose("depth", [1, 2, 3])
    while left:
        layers.append(conv(8, 8))
        left -= 1
    return nn.Sequential(*layers, *head(8))


def one_line(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    return nn.Sequential(nn.Conv2d(3, width, 1), nn.Conv2d(width, width, 1), *head(width))


def nested_blocks(depth: int) -> nn.Module:
    """Return a module within a module, and so on."""
    if depth == 0:
        return nn.Conv2d(8, 8, 1)
    return nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nested_blocks(depth - 1))


def recursive(choose: Any) -> nn.Module:
    return nn.Sequential(conv(3, 8), nested_blocks(choose("depth", [1, 2, 3])), *head(8))


@dataclass(eq=False)
class Mixer(nn.Module):
    """A module that is a dataclass."""

    width: int
    gated: bool

    def __post_init__(self) -> None:
        super().__init__()
        if self.gated:
            self.gate = nn.Conv2d(self.width, self.width, 1)
        self.scale = nn.Parameter(torch.ones(self.width, 1, 1))
        self.mix = nn.Conv2d(self.width, self.width, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.gate(x).sigmoid() if self.gated else 1.0
        return x + self.scale * gate * self.mix(x)


def dataclasses_of_modules(choose: Any) -> nn.Module:
    layers = [Mixer(8, choose(f"gated{i}", [False, True])) for i in range(choose("depth", [1, 2]))]
    return nn.Sequential(conv(3, 8), *layers, *head(8))


class SqueezeExcitation(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(width, 4, 1), nn.Conv2d(4, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.expand(self.reduce(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Block(nn.Module):
    def __init__(self, inputs: int, width: int, squeezed: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width)
        self.se = SqueezeExcitation(width) if squeezed else nn.Identity()
        self.shortcut = nn.Identity() if inputs == width else nn.Conv2d(inputs, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.se(self.norm(self.conv(x))).relu() + self.shortcut(x)


class StageOfBlocks(nn.Sequential):
    def __init__(self, inputs: int, width: int, depth: int, squeezed: bool) -> None:
        super().__init__()
        for i in range(depth):
            self.add_module(f"block{i}", Block(width if i else inputs, width, squeezed))


class Hierarchy(nn.Module):
    """A network in the way of a library of models."""

    def __init__(self, widths: list[int], depths: list[int], squeezed: bool) -> None:
        super().__init__()
        self.stem = conv(3, widths[0])
        inputs, stages = widths[0], []
        for width, depth in zip(widths, depths, strict=True):
            stages.append(StageOfBlocks(inputs, width, depth, squeezed))
            inputs = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(*head(inputs))
        self.apply(self._initialise)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=0.02)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.stages(self.stem(x)))


def hierarchy(choose: Any) -> nn.Module:
    return Hierarchy(
        [choose(f"width{s}", [8, 16]) for s in range(2)],
        [choose(f"depth{s}", [1, 2, 3]) for s in range(2)],
        choose("squeezed", [False, True]),
    )


def copied(choose: Any) -> nn.Module:
    """Copies of one layer, as torch's own encoders make them."""
    heads, layers = choose("heads", [1, 2]), choose("layers", [1, 2])
    layer = nn.TransformerEncoderLayer(8, heads, choose("hidden", [8, 16]), batch_first=True)
    parts = [nn.Linear(3, 8)]
    if choose("deep", [False, True]):
        parts.append(nn.Linear(8, 8))
    return nn.Sequential(*parts, nn.TransformerEncoder(layer, layers), nn.Linear(8, 2))


PROTOTYPE = conv(8, 8)


def prebuilt(choose: Any) -> nn.Module:
    """Options that are modules."""
    layers = [conv(3, 8)]
    for i in range(choose("depth", [1, 2])):
        layers.append(choose(f"block{i}", {"prototype": PROTOTYPE, "skip": nn.Identity()}))
    return nn.Sequential(*layers, *head(8))


def repeated(choose: Any) -> nn.Module:
    """One layer, several times."""
    layer = conv(8, 8)
    return nn.Sequential(conv(3, 8), *[layer] * choose("times", [1, 3]), *head(8))


def tied(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    first, last = nn.Linear(3, width), nn.Linear(width, 3)
    inner, outer = nn.Linear(width, width), nn.Linear(width, width)
    outer.weight = inner.weight
    return nn.Sequential(first, inner, nn.ReLU(), outer, last)


def normed(choose: Any) -> nn.Module:
    """Weights that are computed, by both mechanisms of torch."""
    width = choose("width", [8, 16])
    return nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Conv2d(3, width, choose("kernel", [1, 3]))),
        nn.utils.spectral_norm(nn.Conv2d(width, width, 1)),
        *head(width),
    )


def double(choose: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(3, choose("width", [8, 16]))).double()


def numbered(choose: Any) -> nn.Module:
    """A number beside the choices."""
    rate = choose.suggest_float("rate", 0.0, 0.5)
    width = choose.suggest_int("width", 8, 64)
    return nn.Sequential(
        nn.Linear(3, width), nn.Dropout(rate), *[nn.Linear(width, width)] * choose("n", [0, 1])
    )


class UserSpace(Space):
    """A space with ``build`` alone."""

    parameters: ClassVar = {"first": ["conv", "none"], "second": ["conv", "none"], "width": [8, 16]}
    input = IMAGE

    def build(self, choices: Choices) -> nn.Module:
        width = int(str(choices["width"]))
        layers = [conv(3, width)]
        for name in ("first", "second"):
            if choices[name] == "conv":
                layers.append(conv(width, width))
        return nn.Sequential(*layers, *head(width))
