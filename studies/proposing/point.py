"""A point: one full proposal, an architecture and values of the parameters outside the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bonas.encoders import Blocks, Layout
from bonas.spaces import Architecture
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.transfer.prior_mean import TransferPrior


@dataclass(frozen=True, eq=False)
class Point:
    """What a trial is given; ``architecture`` is None in a search without a space."""

    architecture: Architecture | None
    values: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for points that train the same network in the same way."""
        own = () if self.architecture is None else (self.architecture.key,)
        return (*own, *self.values.items())

    @property
    def params(self) -> dict[str, Any]:
        """What Optuna stores: choices, then the other parameters."""
        choices = {} if self.architecture is None else self.architecture.choices
        return {**choices, **self.values}


@dataclass(frozen=True)
class Features:
    """Points -> one row of features each: encoders' blocks, parameters, what other tasks tell."""

    blocks: Blocks | None
    parameters: Parameters
    prior: TransferPrior | None = None

    @property
    def layout(self) -> Layout:
        """Which columns are which."""
        start = 0 if self.blocks is None else self.blocks.width
        columns = {}
        for name, width in self.parameters.widths.items():
            columns[name] = slice(start, start + width)
            start += width
        prior = () if self.prior is None else self.prior.slices(start)
        return Layout({} if self.blocks is None else self.blocks.slices, columns, prior)

    def encode(self, points: Sequence[Point]) -> Tensor:
        """``n x d``, float64."""
        parts = []
        architectures = [p.architecture for p in points if p.architecture]
        if self.blocks is not None:
            parts.append(self.blocks.encode(architectures))
        if self.parameters.distributions:
            rows = [self.parameters.features(p.values) for p in points]
            parts.append(torch.tensor(rows, dtype=torch.float64).reshape(len(points), -1))
        if self.prior is not None:
            parts.append(self.prior.encode(architectures))
        return torch.cat(parts, dim=1)
