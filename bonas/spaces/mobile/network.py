"""The network of a mobile plan: inverted residual blocks between a stem and a head."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import interpolate

from bonas.spaces.images import use_channels_last, with_channels
from bonas.spaces.mobile.plan import Block, MobilePlan

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"hard_swish": nn.Hardswish, "relu": nn.ReLU}
"""An activation's name -> a function that builds it."""


class SqueezeExcite(nn.Module):
    """Channels weighted by a function of their means over the image."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * self.weigh(x)
        return out


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, squeeze-excite, projection; plus the input if it fits."""

    def __init__(self, block: Block, activation: str) -> None:
        super().__init__()
        hidden = block.hidden
        layers: list[nn.Module] = []
        if block.expands:
            layers += [_convolution(block.inputs, hidden, 1), ACTIVATIONS[activation]()]
        layers += [
            _convolution(hidden, hidden, block.kernel, block.stride, groups=hidden),
            ACTIVATIONS[activation](),
        ]
        if block.squeeze_excite:
            layers.append(SqueezeExcite(hidden, block.squeezed))
        layers.append(_convolution(hidden, block.outputs, 1))
        self.layers = nn.Sequential(*layers)
        self.residual = block.residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.residual else out


class MobileNetwork(nn.Module):
    """Images ``batch x channels x height x width`` to scores ``batch x classes``.

    Raises:
        InvalidData: on images of another number of channels (grey ones are always accepted).
    """

    def __init__(self, plan: MobilePlan) -> None:
        super().__init__()
        self.in_channels, self.resolution = plan.in_channels, plan.resolution
        self.stem = nn.Sequential(
            _convolution(plan.in_channels, plan.stem, 3, plan.stem_stride),
            ACTIVATIONS[plan.activation](),
        )
        blocks = [InvertedResidual(block, plan.activation) for block in plan.blocks()]
        self.body = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            _convolution(plan.stages[-1].width, plan.head, 1),
            ACTIVATIONS[plan.activation](),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(plan.head, plan.classes),
        )
        use_channels_last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = with_channels(x, self.in_channels)
        if self.resolution is not None and x.shape[2:] != (self.resolution, self.resolution):
            size = (self.resolution, self.resolution)
            x = interpolate(x, size, mode="bilinear", align_corners=False)
        out: Tensor = self.head(self.body(self.stem(x)))
        return out


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1
) -> nn.Sequential:
    """Build a convolution that divides the image's side by the stride, and its batch norm."""
    padding = kernel // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )
