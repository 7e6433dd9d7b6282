"""The initial design: proposals before there are enough values for a model.

With several objectives the smallest and the largest network come first, so that both ends of the
front are seen; all others are random. With source tasks every second proposal is the best by the
transfer prior: with good values alone, neither its weight could be learnt nor that it misleads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.studies.proposing.candidates import CandidatePool, Keys
from bonas.studies.proposing.point import Point
from bonas.studies.transfer.prior_mean import TransferPrior


def initial_point(
    pool: CandidatePool,
    excluded: Keys,
    prior: TransferPrior | None,
    m: int,
    index: int,
    rng: np.random.Generator,
) -> Point | None:
    """Return the proposal ``index`` of a search for ``m`` objectives; None if none is left."""
    extreme = pool.extreme(index, rng) if m > 1 else None
    if extreme is None and prior is not None and index % 2 == 0:
        return best_by_prior(prior, pool, excluded, rng)
    point = None if extreme is None else pool.fitting(extreme, rng)
    if point is None or point.key in excluded:
        return pool.draw(rng, excluded)
    return point


def best_by_prior(
    prior: TransferPrior, pool: CandidatePool, excluded: Keys, rng: np.random.Generator
) -> Point | None:
    """Return the point with the best prior mean that is not excluded; None if none is left.

    With several objectives the best has the least Chebyshev distance from the best prior means,
    with random weights.
    """
    known = prior.mean(prior.measured)
    weights = torch.from_numpy(rng.dirichlet(np.ones(known.shape[1])))
    top = known.amax(0)

    def score(points: Sequence[Point]) -> Tensor:
        found = prior.mean([point.architecture for point in points if point.architecture])
        return -((top - found) * weights).amax(1)

    front = zip(prior.measured, is_non_dominated(known).tolist(), strict=True)
    best = [Point(each, pool.parameters.sample(rng)) for each, good in front if good]
    found = pool.candidates(best, excluded, score, 1, rng)
    return found[0] if found else None
