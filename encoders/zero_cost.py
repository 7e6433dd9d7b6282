"""Zero-cost scores as an encoding: the normal scores of their ranks among scored networks.

    z_j(a) = Phi^-1((r_j(a) - 3/8) / (n_j + 1/4))

``r_j(a)`` is the rank, from 1 on, of the score ``s_j(a)`` among the ``n_j`` known scores of that
name: the mean of ranks where scores are equal, and halfway between two ranks where it lies between
two scores. Scores differ by orders of magnitude, and some grow exponentially with depth;
their ranks do not. Of a network without a score, ``z_j`` is predicted from the graph
(``graph_regression.py``).

Source: Blom (1958), "Statistical estimates and transformed beta-variables" (the constants).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from bonas.encoders.graph_regression import GraphRegression
from bonas.encoders.scored_networks import Array, ScoredNetworks
from bonas.errors import InvalidArgument
from bonas.evaluation.score_source import ScoreSource
from bonas.evaluation.zero_cost import ZeroCost
from bonas.settings import own_settings
from bonas.spaces import Architecture, Space

SCORED = 300
"""Networks that are scored at most where a score takes time; others are predicted."""
_FITTED = 500  # scored networks that the prediction of missing scores is fitted to


class ZeroCostScores:
    """One column per zero-cost score, of mean 0 and standard deviation 1 over scored networks.

    Args:
        space: The space of the architectures.
        scored: The networks whose scores are known.

    Raises:
        InvalidArgument: if no score tells any two of the networks apart.
    """

    name = "zero_cost"

    def __init__(self, space: Space, scored: ScoredNetworks) -> None:
        if not scored.names:
            raise InvalidArgument(
                f"expected zero-cost scores that differ between networks of {type(space).__name__},"
                f" got none of {len(scored.architectures)} networks; leave out the encoder "
                "'zero_cost'"
            )
        self.space, self.scored = space, scored
        self.width = len(scored.names)
        self._sorted = [np.sort(column[~np.isnan(column)]) for column in scored.values.T]

    @classmethod
    def computed(cls, space: Space, source: ScoreSource | None = None) -> ZeroCostScores:
        """Score up to ``SCORED`` networks of the reference set; that may take minutes.

        A search does this within a share of its time, and stores what it computed.

        Args:
            space: The space of the architectures.
            source: Computes the scores; by default ``ZeroCost``.

        Raises:
            BonasError: as the source does.
        """
        chosen = ZeroCost() if source is None else source
        architectures = networks_to_score(space)[:SCORED]
        rows = [chosen(space, a.choices) for a in architectures]
        values = [[row.get(name, math.nan) for name in chosen.names] for row in rows]
        shape = len(rows), len(chosen.names)
        table = np.array(values, np.float64).reshape(shape)
        return cls(space, ScoredNetworks(architectures, tuple(chosen.names), table))

    @own_settings()
    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` normal scores, float64."""
        raw = np.array([self.scored.of(a) for a in architectures], np.float64)
        Z = torch.from_numpy(self._normal_scores(raw.reshape(-1, self.width)))
        lacking = Z.isnan().any(1)
        if lacking.any():
            some = [a for a, lacks in zip(architectures, lacking.tolist(), strict=True) if lacks]
            Z[lacking] = torch.where(Z[lacking].isnan(), self._regression.predict(some), Z[lacking])
        return Z

    def mean_of(self, names: Sequence[str], architectures: Sequence[Architecture]) -> Tensor | None:
        """Return the mean normal score of the names that are known, ``n``; None if none is."""
        columns = [j for j, name in enumerate(self.scored.names) if name in names]
        return self.encode(architectures)[:, columns].mean(1) if columns else None

    def _normal_scores(self, raw: Array) -> Array:
        columns = [
            _normal_scores(column, known) for column, known in zip(raw.T, self._sorted, strict=True)
        ]
        return np.stack(columns, axis=1)

    @cached_property
    def _regression(self) -> GraphRegression:
        """Predicts normal scores from graphs."""
        known = list(self.scored.architectures[:_FITTED])
        values = self._normal_scores(self.scored.values[:_FITTED])
        return GraphRegression(self.space, known, torch.from_numpy(values))


def networks_to_score(space: Space) -> list[Architecture]:
    """Return the architectures of the reference set in the order in which they are scored."""
    order = np.random.default_rng(0).permutation(len(space.reference))
    return [space.reference[int(i)] for i in order]


def _normal_scores(values: Array, known: Array) -> Array:
    """Return the normal scores of ``n`` values among sorted known ones; NaN for NaN.

    >>> _normal_scores(np.array([2.0, 2.5, np.nan]), np.array([1.0, 2.0, 3.0])).round(2).tolist()
    [0.0, 0.4, nan]
    """
    below = np.searchsorted(known, values, "left")
    not_above = np.searchsorted(known, values, "right")
    rank = 0.5 * (below + not_above + 1)
    z: Array = ndtri((rank - 0.375) / (len(known) + 0.25))
    return np.where(np.isnan(values), np.nan, z)
