"""Images as networks take them: channels, and their order in memory."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bonas.errors import InvalidData
from bonas.spaces.images import use_channels_last, with_channels


def test_a_grey_image_gets_equal_channels_and_others_pass() -> None:
    grey, colour = torch.randn(2, 1, 3, 3), torch.randn(2, 3, 3, 3)
    assert torch.equal(with_channels(grey, 3), grey.repeat(1, 3, 1, 1))
    assert torch.equal(with_channels(colour, 3), colour)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8), (2, 4, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidData, match=r"batch x 3 x height x width, got .*; set in_channels"):
        with_channels(torch.zeros(shape), 3)


def test_the_channels_of_a_pixel_lie_together() -> None:
    network = nn.Conv2d(3, 4, 3)
    use_channels_last(network)
    assert network.weight.is_contiguous(memory_format=torch.channels_last)
