"""Input embeddings of transformers: tokens, rows and patches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small_transformers import IMAGES, ROWS, TEXT, whole
from torch import Tensor

from bonas.errors import InvalidData
from bonas.spaces.transformers.space import TransformerSpace


def test_patches_are_read_in_rows_and_grey_images_have_equal_channels() -> None:
    torch.manual_seed(0)
    network: Any = IMAGES.build(whole(IMAGES))
    image = torch.randn(1, 2, 6, 6)
    weight, bias = network.embedding.convolution.weight, network.embedding.convolution.bias
    second = (weight * image[:, :, :2, 2:4]).sum(dim=(1, 2, 3)) + bias
    torch.testing.assert_close(network.embedding(image)[0, 1], second)
    grey = torch.randn(1, 1, 6, 6)
    assert torch.equal(network(grey), network(grey.repeat(1, 2, 1, 1)))


BAD_INPUTS: dict[str, tuple[TransformerSpace, Tensor, str]] = {
    "rows as tokens": (TEXT, torch.zeros(2, 6, 5), "token ids of shape batch x length, got"),
    "noise as tokens": (TEXT, torch.tensor([[0.5, 1.0]]), "token ids from 0 to 6, got numbers"),
    "a token too many": (TEXT, torch.tensor([[7.0, 1.0]]), "0 to 6, got numbers between 1 and 7"),
    "a row too wide": (ROWS, torch.zeros(2, 6, 4), "batch x length x 5, got"),
    "one row": (ROWS, torch.zeros(2, 5), "batch x length x 5, got"),
    "channels": (IMAGES, torch.zeros(2, 3, 6, 6), "batch x 2 x height x width, got"),
    "half a patch": (IMAGES, torch.zeros(2, 2, 6, 7), r"multiples of 2, got \(6, 7\)"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_other_inputs_are_refused(case: str) -> None:
    space, x, message = BAD_INPUTS[case]
    with pytest.raises(InvalidData, match=message):
        space.build(whole(space))(x)
