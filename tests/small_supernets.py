"""Supernets of small spaces of every kind, and the shared numbers that a network reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import small_mobile
import small_transformers
import torch
from torch import Tensor, nn

from bonas.spaces import (
    CellSpace,
    Choices,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    Stage,
    TransformerSpace,
)
from bonas.spaces.planned import PlannedSpace
from bonas.supernets import Supernet
from bonas.supernets.sharing import sharing_of
from bonas.supernets.slot import Piece, Slot
from bonas.supernets.store import box

_TINY_TRANSFORMER = {**small_transformers.TINY, "head_dims": (2, 4, 8)}

SPACES: dict[str, PlannedSpace] = {
    "cells": NASBench201(channels=2, cells=1, stages=2, in_channels=1, image_size=4),
    "separable cells": CellSpace(
        3,
        ("none", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "nor_conv_5x5"),
        channels=2,
        cells=2,
        stages=1,
        in_channels=1,
        image_size=4,
    ),
    "darts": DARTSSpace(2, channels=2, cells=4, in_channels=1, image_size=8),
    "darts, inputs repeat": DARTSSpace(
        2,
        operations=("sep_conv_3x3", "dil_conv_3x3", "none"),
        repeat_inputs=True,
        channels=2,
        cells=3,
        in_channels=1,
        image_size=8,
    ),
    "mobile": small_mobile.SMALL,
    "mobile, with and without expansion": MobileSpace(
        (Stage((8, 16)), Stage((16, 24), stride=2, depths=(1, 2))),
        kernels=(1, 3, 7),
        expansions=(1, 2),
        width_multipliers=(0.5, 1.0),
        resolutions=(4, 8),
        stem=16,
        head=16,
        in_channels=1,
        image_size=8,
    ),
    "text": small_transformers.TEXT,
    "text, untied": small_transformers.UNTIED,
    "rows": TransformerSpace(inputs=5, **_TINY_TRANSFORMER),
    "images": small_transformers.IMAGES,
    "labelled text": small_transformers.LABELLED,
    "recurrent": RecurrentSpace(3, length=4, classes=2, widths=(2, 4, 6)),
    "perceptrons": MLPSpace(5, 3, widths=(4, 6, 8), max_dropout=0.5),
    "nas-bench-101": NASBench101Space(channels=7, cells=2, stacks=2, in_channels=1, image_size=4),
}
"""A name -> a space with networks of some thousand parameters at most."""


@cache
def drawn(name: str, n: int = 24) -> tuple[Choices, ...]:
    """Return random choices of a space, always the same ones."""
    rng = np.random.default_rng(0)
    return tuple(SPACES[name].sample(rng) for _ in range(n))


def slots_of(space: PlannedSpace, choices: Choices) -> dict[str, Slot]:
    """Return a parameter's name -> its slot."""
    return {slot.name: slot for slot in sharing_of(space).build(choices)[1]}


def pieces_of(space: PlannedSpace, choices: Choices) -> list[Piece]:
    """Return the pieces of all parameters of a network."""
    return [piece for slot in slots_of(space, choices).values() for piece in slot.pieces]


def inputs_of(space: PlannedSpace, n: int = 3) -> Tensor:
    """Return random examples, always the same ones."""
    generator = torch.Generator().manual_seed(1)
    shape = (n, *space.input_shape)  # type: ignore[attr-defined]  # every built-in space has one
    if isinstance(space, TransformerSpace) and space.vocabulary is not None:
        return torch.randint(space.vocabulary, shape, generator=generator)
    return torch.rand(shape, generator=generator)


def randomised(supernet: Supernet, choices: Iterable[Choices]) -> Supernet:
    """Give every number that these networks read a random value, norms and biases too."""
    for some in choices:
        supernet.cover(some)
    generator = torch.Generator().manual_seed(2)
    for key in supernet.store:
        shape = supernet.store[key].shape
        supernet.store.set(
            key, torch.randn(shape, generator=generator) / 2, supernet.store.kernel(key)
        )
    return supernet


def remove_what_is_not_in(supernet: Supernet, choices: Choices) -> None:
    """Set all shared numbers to zero that the network of ``choices`` does not read."""
    store = supernet.store
    read = {key: torch.zeros_like(store[key]) for key in store}
    for piece in pieces_of(supernet.space, choices):  # type: ignore[arg-type]  # a built-in space
        read[piece.key][box(store[piece.key].shape, piece.shape, piece.kernel)] = 1
    for key in store:
        store.set(key, store[key] * read[key], store.kernel(key))


def is_the_larger_without_the_rest(
    space: PlannedSpace, small: Choices, large: Choices, scaled: dict[str, float] | None = None
) -> bool:
    """Return whether a network computes what a larger one does without the rest of the weights.

    Args:
        space: Of both.
        small: The network that is compared.
        large: A network that has more of what ``small`` has.
        scaled: A key -> a factor of its tensor in the larger network.
    """
    supernet, x = randomised(Supernet(space), (large, small)), inputs_of(space)
    expected = evaluated(supernet.network(small), x)
    assert not torch.allclose(evaluated(supernet.network(large), x), expected, rtol=0.01)
    remove_what_is_not_in(supernet, small)
    for key, factor in (scaled or {}).items():
        supernet.store.set(key, supernet.store[key] * factor, supernet.store.kernel(key))
    return torch.allclose(evaluated(supernet.network(large), x), expected, rtol=1e-3, atol=1e-4)


def weight_of(network: nn.Module, name: str) -> Tensor:
    """Return a parameter of a network of a supernet, by any of its names."""
    return dict(network.named_parameters(remove_duplicate=False))[name]


def evaluated(network: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs of a network with fresh statistics, which change nothing."""
    with torch.no_grad():
        out: Tensor = network.eval()(x)
    return out
