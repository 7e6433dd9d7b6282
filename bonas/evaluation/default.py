"""What judges a space where the user says nothing: bundled data, short training, latency."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate

from bonas.evaluation.data.bundled import TABLES
from bonas.evaluation.data.load import DataSource
from bonas.evaluation.data.text import python_text
from bonas.evaluation.evaluator import Joint
from bonas.evaluation.latency import Latency
from bonas.evaluation.training import ShortTraining
from bonas.settings import own_settings
from bonas.spaces import CellSpace, Space

_LEVELS = 17  # of grey in the digits


def default_evaluation(space: Space) -> Joint:
    """Quality after a short training on bundled data of the space's kind, and latency.

    Language models write text of Python's own library. Rows of 4, 13 or 30 numbers are those of
    iris, wine and breast cancer. All else classifies digits: images of the shape that the space
    takes, or the same numbers as a sequence, as tokens, or as one row.
    """
    training = ShortTraining(_data_for(space))
    return Joint([training, Latency(input_shape=training.input_shape)])


def _data_for(space: Space) -> DataSource:
    shape = tuple(getattr(space, "input_shape", ()))
    if getattr(space, "task", None) == "language_model":
        return python_text(*shape)
    if getattr(space, "vocabulary", None):
        return digit_tokens()
    if len(shape) == 1:
        for name, load in TABLES.items():
            if name != "diabetes" and load().data.shape[1] == shape[0]:
                return name
    if not shape or isinstance(space, CellSpace):  # a cell takes images of any size
        return "digits"
    return digits_of(shape)


@own_settings()
def digits_of(shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The bundled digits as inputs ``n x shape``, and their labels.

    Images (channels, height, width) are resized and their one channel repeated; a sequence (length,
    inputs) has the rows of the image as its steps; one axis has its pixels in a row.
    """
    images, labels = load_digits(return_X_y=True)
    pixels = torch.from_numpy(images).to(torch.float32).reshape(-1, 1, 8, 8)
    pixels = (pixels - pixels.mean()) / pixels.std()
    if len(shape) == 1:
        rows = pixels.reshape(len(pixels), 1, 64)
        fitted = rows if shape[0] == 64 else interpolate(rows, shape[0], mode="linear")
    else:
        side = tuple(shape[-2:])
        fitted = pixels if side == (8, 8) else interpolate(pixels, side, mode="bilinear")
    if len(shape) == 3:
        fitted = fitted.expand(-1, shape[0], -1, -1)
    return fitted.reshape(len(pixels), *shape), torch.from_numpy(labels)


@own_settings()
def digit_tokens() -> tuple[Tensor, Tensor]:
    """The bundled digits as sequences of 64 token ids, their levels of grey, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy(images).to(torch.int64).clamp_max(_LEVELS - 1), torch.from_numpy(labels)
