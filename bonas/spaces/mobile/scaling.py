"""Compound scaling: a network found in small, made larger in depth, width and resolution at once.

With factors d, w and r the multiply-adds grow by about d w^2 r^2. For a compound coefficient phi,

    d = alpha^phi,  w = beta^phi,  r = gamma^phi,  with alpha beta^2 gamma^2 ~ 2,

each step of phi doubles them; EfficientNet has alpha = 1.2, beta = 1.1, gamma = 1.15.

Source: Tan and Le (2019), "EfficientNet: Rethinking model scaling for convolutional neural
networks", ICML.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Protocol

from torch import nn

from bonas.arguments import check_positive
from bonas.errors import InvalidArgument
from bonas.spaces.architecture import Choices
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.mobile.network import MobileNetwork
from bonas.spaces.mobile.plan import MobilePlan
from bonas.spaces.mobile.space import MobileSpace
from bonas.spaces.sketch import Sketch
from bonas.spaces.space import Space


class Found(Protocol):
    """A network of a space: a candidate of a search, for example."""

    @property
    def space(self) -> Space:
        """The space that the network belongs to."""
        ...

    @property
    def choices(self) -> Choices:
        """A parameter's name -> the chosen value."""
        ...


@dataclass(frozen=True)
class ScaledNetwork:
    """A network of a mobile space, scaled; it usually lies outside the space.

    Args:
        space: The space of the network.
        choices: The network within the space.
        depth: Factor of the blocks in each stage, rounded up; the last block is repeated.
        width: Factor of all channels, rounded to multiples of 8.
        resolution: Factor of the side that images are resized to, rounded to pixels; unless it is
            1, the network resizes them.

    Raises:
        InvalidArgument: for a space of another kind, or a factor that is not a positive number.
        InvalidSpace: for choices of another space.
    """

    space: MobileSpace
    choices: Choices
    _: KW_ONLY
    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.space, MobileSpace):
            raise InvalidArgument(
                f"only networks of a MobileSpace can be scaled, got one of {self.space!r}; "
                "search a MobileSpace, or write larger options into the space"
            )
        for name in ("depth", "width", "resolution"):
            check_positive(name, getattr(self, name))
        self.space.architecture(self.choices)  # raises for choices of another space

    @cached_property
    def plan(self) -> MobilePlan:
        """The plan of the scaled network."""
        return self.space.plan(self.choices).scaled(self.depth, self.width, self.resolution)

    def build(self) -> nn.Module:
        """Build an untrained network."""
        return MobileNetwork(self.plan)

    @property
    def graph(self) -> ArchitectureGraph:
        """The operations of the network, with their sizes as features."""
        sketch, output = self._sketch
        return sketch.graph(output)

    @property
    def costs(self) -> dict[str, float]:
        """Trainable ``parameters``, and ``multiply_adds`` for one image."""
        return self._sketch[0].costs

    @property
    def memory(self) -> float:
        """Bytes of all parameters and of all outputs of one image, in float32."""
        return self._sketch[0].memory

    @cached_property
    def _sketch(self) -> tuple[Sketch, int]:
        return self.plan.sketch()


def scale(
    found: Found, *, depth: float = 1.0, width: float = 1.0, resolution: float = 1.0
) -> ScaledNetwork:
    """Scale a candidate of a mobile space by EfficientNet's compound scaling.

    For a compound coefficient ``phi`` give ``depth=1.2**phi, width=1.1**phi,
    resolution=1.15**phi``, which multiplies the multiply-adds by about ``2**phi``.

    Raises:
        InvalidArgument: for a candidate of a space of another kind, or a factor that is not a
            positive number.
    """
    space: Space = found.space
    return ScaledNetwork(
        space,  # type: ignore[arg-type]  # checked there
        found.choices,
        depth=depth,
        width=width,
        resolution=resolution,
    )
