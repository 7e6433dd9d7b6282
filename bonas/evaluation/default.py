"""Default evaluation of a space: a short training on bundled data, and latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import interpolate

from bonas.errors import InvalidArgument
from bonas.evaluation.data.bundled import TABLES
from bonas.evaluation.data.inputs import Inputs, main_input
from bonas.evaluation.data.load import DataSource
from bonas.evaluation.data.text import python_text
from bonas.evaluation.declared import input_shape_of, task_of, vocabulary_of
from bonas.evaluation.latency.latency import Latency
from bonas.evaluation.stages import Stages
from bonas.evaluation.training.short_training import ShortTraining
from bonas.settings import own_settings
from bonas.spaces import CellSpace, Example, Space
from bonas.spaces.example import mapped, tensors_in

_LEVELS = 17  # grey levels of the digits


def default_evaluation(space: Space) -> Stages:
    """Return the quality after a short training on bundled data of the space's kind, and latency.

    Language models predict text of Python's own library. Spaces with rows of 4, 13 or 30 numbers
    classify iris, wine or breast cancer. All others classify digits: as images of the shape that
    the space takes, as a sequence, as tokens, or as one row. If a space has an example, the digits
    have its dtype, and whole numbers stay within its range. Of several inputs, the first one (or
    ``input_ids``) holds the digits, and the others are those of the example.
    """
    training, example = ShortTraining(default_data(space)), space.example
    if example is not None and len(example.tensors) > 1:
        return Stages([training, Latency()])
    return Stages([training, Latency(input_shape=training.input_shape)])


def default_data(space: Space) -> DataSource:
    """Return bundled data of the kind that the networks of a space take."""
    example = space.example
    shape = input_shape_of(space)
    if shape is None:
        shape = () if example is None else tuple(example.first.shape[1:])
    if example is not None and len(example.tensors) > 1:
        return digits_among(example)
    if example is not None and not example.first.is_floating_point():
        return digits_like(example.first)
    if task_of(space) == "language_model":
        return python_text(*shape)
    if vocabulary_of(space):
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
    """Return the bundled digits as inputs ``n x shape``, and their labels.

    Images (channels, height, width) are resized and their channel repeated, and so are volumes. The
    steps of a sequence (length, inputs) are the rows of the image, a single axis holds all pixels,
    and a scalar is their mean.
    """
    images, labels = load_digits(return_X_y=True)
    pixels = torch.from_numpy(images).to(torch.float32).reshape(-1, 1, 8, 8)
    pixels = (pixels - pixels.mean()) / pixels.std()
    return _fitted(pixels, tuple(shape)), torch.from_numpy(labels)


def _fitted(pixels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return images ``n x 1 x 8 x 8`` as ``n x shape``."""
    n = len(pixels)
    if not shape:
        return pixels.mean(dim=(1, 2, 3))
    if len(shape) == 1:
        rows = pixels.reshape(n, 1, 64)
        return (rows if shape == (64,) else interpolate(rows, shape[0], mode="linear"))[:, 0]
    side = shape[-2:]
    fitted = pixels if side == (8, 8) else interpolate(pixels, side, mode="bilinear")
    leading = shape[:-2]
    return fitted.reshape(n, *(1 for _ in leading), *side).expand(n, *shape)


@own_settings()
def digits_like(example: Tensor) -> tuple[Tensor, Tensor]:
    """Return the bundled digits with the dtype and shape of ``example``, and their labels.

    Whole numbers are grey levels. At each position they go from 0 to the largest number of the
    example there, 2 levels at least and 17 at most, so that they are valid indices: of one
    embedding or, for categorical columns, of one per position.
    """
    inputs, labels = digits_of(example.shape[1:])
    if example.is_floating_point() or example.is_complex():
        return inputs.to(example.dtype), labels
    top = example.detach().cpu().to(torch.int64).amax(dim=0).clamp(1, _LEVELS - 1)
    low, high = inputs.min(), inputs.max()
    levels = ((inputs - low) / (high - low) * (top + 1)).to(torch.int64)
    return torch.minimum(levels, top).to(example.dtype), labels


@own_settings()
def digits_among(example: Example) -> tuple[Inputs, Tensor]:
    """Return digits in place of the main input of an example with several, and their labels.

    Raises:
        InvalidArgument: if the example has no common batch.
    """
    main = main_input(dict(example.named) or example.args)
    place = next(i for i, tensor in enumerate(example.tensors) if tensor is main)
    inputs, labels = digits_like(main)
    if example.rows is None:
        shapes = [tuple(tensor.shape) for tensor in example.tensors]
        raise InvalidArgument(
            f"expected an example whose tensors have a common batch, got shapes {shapes}, which "
            "the bundled data do not fit; pass your own evaluation by evaluate=..."
        )
    given = iter(range(len(example.tensors)))
    whole = example.resized(len(labels)).mapped(lambda x: inputs if next(given) == place else x)
    arguments = whole.named or whole.args
    return mapped(lambda x: x.expand(len(labels), *x.shape[1:]), _tensors_of(arguments)), labels


def _tensors_of(arguments: Any) -> Inputs:
    """Return the arguments that hold tensors; the feed adds all others."""
    if isinstance(arguments, Mapping):
        return {name: x for name, x in arguments.items() if any(tensors_in(x))}
    return tuple(x for x in arguments if any(tensors_in(x)))


@own_settings()
def digit_tokens() -> tuple[Tensor, Tensor]:
    """Return the bundled digits as sequences of 64 token ids, the grey levels, and their labels."""
    images, labels = load_digits(return_X_y=True)
    return torch.from_numpy(images).to(torch.int64).clamp_max(_LEVELS - 1), torch.from_numpy(labels)
