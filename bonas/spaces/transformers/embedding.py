"""Input embeddings: each kind of input becomes one vector per token.

    Tokens    whole numbers, length               -> embedding
    Rows      real numbers, length x inputs       -> linear map of each row
    Patches   images, channels x height x width   -> linear map of each square patch

The last is the vision transformer's: Dosovitskiy et al. (2021), "An image is worth 16x16 words",
ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.spaces.images import with_channels
from bonas.spaces.sketch import Sketch


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids from 0 to ``vocabulary - 1``."""

    vocabulary: int
    tokens: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return (self.tokens,)

    def add_to(self, sketch: Sketch, width: int) -> int:
        """Add the operation that gives ``tokens x width``, and return its number."""
        return sketch.add(
            "embedding",
            [sketch.input],
            (self.tokens, width),
            parameters=self.vocabulary * width,
            inputs=self.vocabulary,
            outputs=width,
        )

    def module(self, width: int) -> nn.Module:
        """Build a module from inputs to ``batch x tokens x width``."""
        return TokenEmbedding(self.vocabulary, width)


@dataclass(frozen=True, slots=True)
class Rows:
    """Sequences of rows of ``inputs`` real numbers."""

    inputs: int
    tokens: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return (self.tokens, self.inputs)

    def add_to(self, sketch: Sketch, width: int) -> int:
        """Add the operation that gives ``tokens x width``, and return its number."""
        weights = self.inputs * width
        return sketch.add(
            "linear",
            [sketch.input],
            (self.tokens, width),
            parameters=weights + width,
            multiply_adds=self.tokens * weights,
            inputs=self.inputs,
            outputs=width,
        )

    def module(self, width: int) -> nn.Module:
        """Build a module from inputs to ``batch x tokens x width``."""
        return RowEmbedding(self.inputs, width)


@dataclass(frozen=True, slots=True)
class Patches:
    """Square images, cut into patches of ``patch x patch`` pixels; sizes are sides in pixels."""

    patch: int
    in_channels: int
    image_size: int

    @property
    def tokens(self) -> int:
        """The number of patches of an image."""
        return (self.image_size // self.patch) ** 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return (self.in_channels, self.image_size, self.image_size)

    def add_to(self, sketch: Sketch, width: int) -> int:
        """Add the operation that gives ``tokens x width``, and return its number."""
        weights = self.in_channels * self.patch**2 * width
        return sketch.add(
            "conv2d",
            [sketch.input],
            (self.tokens, width),
            parameters=weights + width,
            multiply_adds=self.tokens * weights,
            inputs=self.in_channels,
            outputs=width,
            kernel=self.patch,
            stride=self.patch,
            groups=1,
        )

    def module(self, width: int) -> nn.Module:
        """Build a module from inputs to ``batch x tokens x width``."""
        return PatchEmbedding(self.in_channels, self.patch, width)


InputEmbedding = Tokens | Rows | Patches


class TokenEmbedding(nn.Module):
    """Token ids ``batch x length``, as whole numbers of any type, to vectors.

    Raises:
        InvalidData: on another shape, or on real numbers that are not ids.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        vocabulary = self.embedding.num_embeddings
        if x.ndim != 2:
            raise InvalidData(
                f"expected token ids of shape batch x length, got {tuple(x.shape)}; give the space "
                "inputs= for rows of real numbers, or neither for images"
            )
        ids = x.long()
        if x.is_floating_point() and not _are_ids(x, ids, vocabulary):
            raise InvalidData(
                f"expected token ids from 0 to {vocabulary - 1}, got numbers between "
                f"{float(x.min()):g} and {float(x.max()):g}; a network that reads tokens takes "
                "no other numbers, not even to be timed"
            )
        out: Tensor = self.embedding(ids)
        return out


def _are_ids(x: Tensor, ids: Tensor, vocabulary: int) -> bool:
    """Return whether all numbers are whole and below ``vocabulary``."""
    return bool(torch.all((ids == x) & (ids >= 0) & (ids < vocabulary)))


class RowEmbedding(nn.Module):
    """Rows ``batch x length x inputs`` to vectors.

    Raises:
        InvalidData: on another shape.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 3 or x.shape[-1] != self.linear.in_features:
            raise InvalidData(
                f"expected sequences of shape batch x length x {self.linear.in_features}, "
                f"got {tuple(x.shape)}; set inputs of the space"
            )
        out: Tensor = self.linear(x)
        return out


class PatchEmbedding(nn.Module):
    """Images ``batch x channels x height x width`` to vectors, row by row of patches.

    Raises:
        InvalidData: on another number of channels (grey ones are always accepted), or on sides that
            are not multiples of the patch.
    """

    def __init__(self, in_channels: int, patch: int, width: int) -> None:
        super().__init__()
        self.patch = patch
        self.convolution = nn.Conv2d(in_channels, width, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        channels = self.convolution.in_channels
        x = with_channels(x, channels)
        if x.shape[2] % self.patch or x.shape[3] % self.patch:
            raise InvalidData(
                f"expected images whose sides are multiples of {self.patch}, "
                f"got {tuple(x.shape[2:])}; set patch of the space"
            )
        out: Tensor = self.convolution(x)
        return out.flatten(2).transpose(1, 2)
