"""Batches of images as a network of this package takes them."""

from __future__ import annotations

from torch import Tensor

from bonas.errors import InvalidData


def with_channels(x: Tensor, channels: int) -> Tensor:
    """``batch x channels x height x width``; a grey image gets equal channels.

    Raises:
        InvalidData: on images of another number of channels.
    """
    if x.ndim != 4 or x.shape[1] not in (1, channels):
        raise InvalidData(
            f"expected images of shape batch x {channels} x height x width, "
            f"got {tuple(x.shape)}; set in_channels of the space"
        )
    return x.expand(-1, channels, -1, -1)
