"""Blocks: the concatenated features of several encoders, which surrogates read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from typing import get_args

import torch
from torch import Tensor

from bonas.encoders.encoder import DeclaresScaling, Encoder, Scaling
from bonas.encoders.gnn import GNNEncoder
from bonas.encoders.graf import NeuralGraphFeatures
from bonas.encoders.one_hot import OneHot
from bonas.encoders.paths import PathCounts
from bonas.encoders.statistics import GraphStatistics
from bonas.encoders.weisfeiler_lehman import WeisfeilerLehman
from bonas.encoders.zero_cost import ZeroCostScores
from bonas.errors import InvalidArgument, unknown
from bonas.settings import own_settings
from bonas.spaces import Architecture, Space

_KEPT = 100_000  # rows that are cached at most: some 150 MB

ENCODERS: dict[str, Callable[[Space], Encoder]] = {
    "one_hot": OneHot,
    "paths": PathCounts,
    "statistics": GraphStatistics,
    "graf": NeuralGraphFeatures,
    "gnn": GNNEncoder,
    **{f"wl{depth}": partial(WeisfeilerLehman, depth=depth) for depth in range(3)},
    ZeroCostScores.name: ZeroCostScores.computed,
}
"""The encoders that can be chosen by name."""


class Blocks:
    """The blocks of several encoders, each shifted and scaled by the space's reference set.

    A column has mean 0 over the reference set, and standard deviation 1 before the whole block is
    scaled to a total variance of 1; an encoder with an attribute ``scaling`` chooses otherwise
    (``Scaling``). Encodings are cached, so an architecture is encoded once while there is room.

    Args:
        space: The space of the architectures.
        encoders: Names out of ``ENCODERS`` or encoders, each name once.

    Raises:
        InvalidArgument: for an unknown or repeated name, an object that is not an encoder, or an
            unknown scaling.
    """

    @own_settings()
    def __init__(self, space: Space, encoders: Sequence[str | Encoder]) -> None:
        self.space = space
        self.encoders = [_encoder(space, given) for given in encoders]
        names = [encoder.name for encoder in self.encoders]
        if not names or len(set(names)) < len(names):
            raise InvalidArgument(f"expected encoders with different names, got {names}")
        self.slices: dict[str, slice] = {}
        self.width = 0
        for encoder in self.encoders:
            self.slices[encoder.name] = slice(self.width, self.width + encoder.width)
            self.width += encoder.width
        self._scales = [_scale(e, e.encode(space.reference)) for e in self.encoders]
        self._rows: dict[tuple[object, ...], Tensor] = {}

    @own_settings()
    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` features, float64."""
        architectures = [self.space.representative(a) for a in architectures]
        keys = [(a.key, *a.choices.values()) for a in architectures]
        new = {k: a for k, a in zip(keys, architectures, strict=True) if k not in self._rows}
        if not keys:
            return torch.zeros(0, self.width, dtype=torch.float64)
        if new:
            rows = self._encode(list(new.values()))
            self._rows.update(zip(new, rows, strict=True))
        encoded = torch.stack([self._rows[key] for key in keys])
        if len(self._rows) > _KEPT:
            self._rows.clear()
        return encoded

    def _encode(self, architectures: Sequence[Architecture]) -> Tensor:
        return torch.cat(
            [
                (encoder.encode(architectures) - shift) * scale
                for encoder, (shift, scale) in zip(self.encoders, self._scales, strict=True)
            ],
            dim=1,
        )


def shared_blocks(space: Space, encoders: Sequence[str | Encoder]) -> Blocks:
    """Return the blocks of named encoders, cached for the latest spaces.

    Pre-training takes seconds, and is deterministic. Encoders given as objects, and spaces that
    cannot be hashed, get blocks of their own.

    Raises:
        InvalidArgument: as ``Blocks``.
    """
    names = tuple(encoder for encoder in encoders if isinstance(encoder, str))
    if len(names) < len(encoders) or not isinstance(space, Hashable):
        return Blocks(space, encoders)
    return _kept_blocks(space, names)


@lru_cache(maxsize=2)
def _kept_blocks(space: Space, names: tuple[str, ...]) -> Blocks:
    return Blocks(space, names)


def check_encoder(given: object) -> None:
    """Raise InvalidArgument unless ``given`` is the name of an encoder, or one."""
    if isinstance(given, str):
        if given not in ENCODERS:
            raise unknown("encoder", given, ENCODERS)
    elif not isinstance(given, Encoder):
        raise InvalidArgument(
            f"expected the name of an encoder ({', '.join(ENCODERS)}) or an object with name, "
            f"width and encode(architectures), got {given!r}"
        )


def _encoder(space: Space, given: str | Encoder) -> Encoder:
    check_encoder(given)
    return ENCODERS[given](space) if isinstance(given, str) else given


def _scale(encoder: Encoder, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return shift and scale of each column."""
    scaling = _scaling(encoder)
    shift = known.mean(0)
    if scaling == "none":
        return torch.zeros_like(shift), torch.ones_like(shift)
    sd = known.std(0, correction=0)
    constant = sd <= 1e-9
    if scaling == "block":
        sd = torch.ones_like(sd)
    each = torch.where(constant, 0.0, 1.0 / sd)
    total = ((known - shift) * each).square().sum(1).mean().sqrt().clamp_min(1e-9)
    return shift, each / total


def _scaling(encoder: Encoder) -> Scaling:
    """Return the scaling that an encoder declares, by default that by columns."""
    if not isinstance(encoder, DeclaresScaling):
        return "columns"
    if encoder.scaling not in get_args(Scaling):
        raise unknown(
            f"scaling of the encoder {encoder.name!r}", encoder.scaling, get_args(Scaling)
        )
    return encoder.scaling
