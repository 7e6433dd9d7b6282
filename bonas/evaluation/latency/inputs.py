"""The batch on which a candidate's network is timed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bonas.arguments import is_count
from bonas.errors import InvalidArgument
from bonas.evaluation.declared import SupportsInputShape, vocabulary_of
from bonas.spaces import Example, Space


def example_of(space: Space, input_shape: Sequence[int] | None, batch_size: int) -> Example:
    """Return a batch of its own for one network, which may change its input in place.

    It is the space's example, repeated or cut to ``batch_size`` rows (floats that are all 0 become
    random numbers in [0, 1)); else random numbers, or token ids, of the shape. Draws from torch's
    generator.

    Raises:
        InvalidArgument: if no shape is known.
    """
    example = space.example
    if example is None:
        shape = (batch_size, *_shape_for(space, input_shape))
        return Example((_inputs(shape, vocabulary_of(space)),))
    if input_shape is not None:
        example = example.reshaped(input_shape)
    return example.resized(batch_size).mapped(torch.clone).filled()


def checked_shape(shape: object) -> tuple[int, ...]:
    """Return the shape of one input.

    Raises:
        InvalidArgument: if it is not made of whole numbers of at least 1.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()  # torch.Size is a tuple
    if sizes and all(is_count(size, least=1) for size in sizes):
        return sizes
    raise InvalidArgument(
        "expected an input shape of whole numbers of at least 1, as in (3, 32, 32), "
        f"got {shape!r}; leave out the batch"
    )


def _shape_for(space: Space, given: Sequence[int] | None) -> tuple[int, ...]:
    if given is not None:
        return tuple(given)
    shape = space.input_shape if isinstance(space, SupportsInputShape) else None
    if shape is None:
        raise InvalidArgument(
            "expected an input shape, got none from Latency and none from the space "
            f"{type(space).__name__}; give Latency(input_shape=...) the shape of "
            "one input, as in (3, 32, 32), or the space a property of that name, or an "
            "input, which is a batch as bonas.space takes it"
        )
    return checked_shape(shape)


def _inputs(shape: Sequence[int], vocabulary: int | None) -> torch.Tensor:
    """Return random numbers, or random token ids for a space of ``vocabulary`` tokens."""
    if vocabulary is None:
        return torch.randn(*shape, dtype=torch.float32)
    return torch.randint(vocabulary, tuple(shape))
