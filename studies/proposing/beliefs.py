"""Beliefs: what posteriors predict, and measured values in place of it where a point has some.

On the scale of the posteriors. A measured value counts as exact: mean = value, variance = 0, and it
is the same in all joint samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bonas.studies.proposing.acquisition import improvement_with_known, screening
from bonas.studies.proposing.cheap_objectives import CheapObjectives
from bonas.studies.proposing.features import EncodedPool
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import Posteriors

Marginals = tuple[Tensor, Tensor]
"""Means and variances, ``n x m`` each."""


class Beliefs:
    """What is believed of the points of a pool.

    Args:
        posteriors: Predict all objectives.
        candidates: The pool, and how its points are encoded.
        observations: The trials; their values of cheap objectives count as known, too.
        cheap: Knows values of other points; None believes the posteriors alone.
    """

    def __init__(
        self,
        posteriors: Posteriors,
        candidates: EncodedPool,
        observations: Observations,
        cheap: CheapObjectives | None,
    ) -> None:
        self._posteriors, self._candidates, self._cheap = posteriors, candidates, cheap
        everywhere = candidates.all
        self._everywhere = None if everywhere is None else posteriors.marginals(everywhere)
        complete = observations.values[observations.is_complete]
        rows = zip(observations.complete_points, complete, strict=True)
        self._of_trials = {} if cheap is None else {point.key: row for point, row in rows}

    def marginals(self, points: Sequence[Point]) -> Marginals:
        """Return means and variances, ``n x m``, of points of the pool."""
        if self._everywhere is not None and points is self._candidates.pool.all:
            return self._with_values(points, *self._everywhere)
        X = self._candidates.features.encode(points)
        return self._with_values(points, *self._posteriors.marginals(X))

    def known_marginals(self, points: Sequence[Point], X: Tensor) -> Marginals:
        """Return the marginals at encoded points, looked up in those of all where possible."""
        everywhere, pool = self._everywhere, self._candidates.pool
        rows = [None if everywhere is None else pool.row(point) for point in points]
        if everywhere is None or all(row is None for row in rows):
            return self._with_values(points, *self._posteriors.marginals(X))
        at = torch.tensor([-1 if row is None else row for row in rows])
        mean, variance = everywhere[0][at], everywhere[1][at]
        others = at < 0
        if others.any():
            mean[others], variance[others] = self._posteriors.marginals(X[others])
        return self._with_values(points, mean, variance)

    def sample(self, points: Sequence[Point], X: Tensor, s: int, seed: int) -> Tensor:
        """Draw ``s x n x m`` joint samples of encoded points."""
        samples = self._posteriors.sample(X, s, seed)
        if self._cheap is None:
            return samples
        values = self._values(points)
        return torch.where(values.isnan(), samples, values)

    def improvement(self, marginals: Marginals, known: Tensor, reference_point: Tensor) -> Tensor:
        """Return the expected improvement of ``N`` points over the means of known ones, ``n x m``.

        Of their logarithm where there is one objective.
        """
        improvement = screening if self._cheap is None else improvement_with_known
        return improvement(*marginals, known, reference_point)

    def _with_values(self, points: Sequence[Point], mean: Tensor, variance: Tensor) -> Marginals:
        if self._cheap is None:
            return mean, variance
        values = self._values(points)
        believed = values.isnan()
        return torch.where(believed, mean, values), torch.where(believed, variance, 0.0)

    def _values(self, points: Sequence[Point]) -> Tensor:
        """Return what is known of ``n`` points, ``n x m``; NaN for all else."""
        assert self._cheap is not None
        values = self._cheap.values(points)
        are_trials = points is not self._candidates.pool.all  # where trials do not count
        for i, point in enumerate(points) if are_trials else ():
            own = self._of_trials.get(point.key)
            if own is not None:
                values[i] = torch.where(self._cheap.columns, own, values[i])
        return self._posteriors.scale(values)
