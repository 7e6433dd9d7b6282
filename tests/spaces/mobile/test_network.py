"""Mobile networks: sizes and colours of images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from small_mobile import TINY
from torch.nn.functional import interpolate

from bonas.errors import InvalidData


def test_images_are_resized_to_the_resolution_that_is_chosen() -> None:
    space = replace(TINY, resolutions=(4, 8), in_channels=3)
    coarse, fine = ({**TINY.completed({}), "resolution": side} for side in (4, 8))
    assert space.costs(coarse)["parameters"] == space.costs(fine)["parameters"]
    assert space.costs(coarse)["multiply_adds"] < space.costs(fine)["multiply_adds"]
    network = space.build(fine).eval()
    image = torch.randn(2, 3, 4, 4)
    resized = interpolate(image, (8, 8), mode="bilinear", align_corners=False)
    assert torch.equal(network(image), network(resized))


def test_a_grey_image_is_one_with_equal_channels() -> None:
    network = TINY.build(TINY.completed({})).eval()
    grey = torch.randn(2, 1, 8, 8)
    assert torch.equal(network(grey), network(grey.repeat(1, 3, 1, 1)))


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 2, 8, 8)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    network = TINY.build(TINY.completed({}))
    with pytest.raises(InvalidData, match=r"expected images of shape batch x 3 x height x width"):
        network(torch.zeros(shape))
