"""Features: points as rows of numbers, and the candidate pool with its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bonas.encoders import Blocks, Layout
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.transfer.prior_mean import TransferPrior


@dataclass(frozen=True)
class Features:
    """The columns of an encoding: encoders' blocks, parameters, the transfer prior."""

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
        own = {} if self.blocks is None else self.blocks.slices
        if self.prior is None:
            return Layout(own, columns)
        return Layout(own, columns, self.prior.slices(start), self.prior.slopes)

    def encode(self, points: Sequence[Point]) -> Tensor:
        """Return ``n x d`` features of ``n`` points, float64."""
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


@dataclass(frozen=True, eq=False)
class EncodedPool:
    """A candidate pool, and how its points are encoded."""

    pool: CandidatePool
    features: Features

    @cached_property
    def all(self) -> Tensor | None:
        """Features ``N x d`` of all points; None where they are too many to enumerate."""
        return None if self.pool.all is None else self.features.encode(self.pool.all)

    def encode(self, points: Iterable[Point]) -> Tensor:
        """Return ``n x d`` features of points, equal ones for equal networks."""
        return self.features.encode(self.pool.canonical(points))
