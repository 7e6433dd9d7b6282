"""Images for scores: crops of two photographs, whose pixels are correlated as in real images.

Scores of a batch depend on how alike its images are: with white noise they rank networks less as
images do. The photographs (a temple, a flower) come with scikit-learn.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn.functional import interpolate

_LEAST = 48  # pixels: the side of the smallest square that is cut out


def crops(n: int, shape: tuple[int, int, int], rng: np.random.Generator) -> Tensor:
    """Return random squares of the photographs as images ``n x shape``, of mean 0 and deviation 1.

    ``shape`` is channels x height x width; one channel is grey, more than three repeat the colours.
    """
    channels, *side = shape
    images = torch.cat([_crop(side, rng) for _ in range(n)])
    if channels == 1:
        images = images.mean(dim=1, keepdim=True)
    images = images[:, [c % images.shape[1] for c in range(channels)]]
    return (images - images.mean()) / images.std()


def _crop(side: list[int], rng: np.random.Generator) -> Tensor:
    """Cut out a square, mirrored half of the time, and resize it: ``1 x 3 x side``."""
    photo = _photographs()[int(rng.integers(2))]
    height, width = photo.shape[-2:]
    edge = int(rng.integers(_LEAST, min(height, width) + 1))
    top, left = (int(rng.integers(0, room - edge + 1)) for room in (height, width))
    square = photo[:, top : top + edge, left : left + edge]
    square = square.flip(-1) if rng.random() < 0.5 else square
    return interpolate(square[None], side, mode="bilinear", antialias=True)


@cache
def _photographs() -> tuple[Tensor, ...]:
    """Return both photographs, ``3 x height x width``, from 0 to 1."""
    return tuple(
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32) / 255.0)
        for image in load_sample_images().images
    )
