"""The first proposals of a search that knows of other tasks.

Every second one is what these promise to be best, the others are random: with good values alone
neither the weight of what they tell could be learnt, nor that they mislead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.studies.proposing.candidates import Pool
from bonas.studies.proposing.observations import History
from bonas.studies.proposing.point import Point
from bonas.studies.transfer.prior_mean import TransferPrior


def promised(
    prior: TransferPrior, pool: Pool, history: History, number: int, rng: np.random.Generator
) -> Point | None:
    """An unspent point: for an even ``number`` what the prior expects most of, else any.

    None where all are spent. With several objectives to expect most is the least Chebyshev distance
    from the best values promised, with random weights.
    """
    if number % 2:
        return pool.draw(rng, history.spent)
    known = prior.mean(prior.measured)
    weights = torch.from_numpy(rng.dirichlet(np.ones(known.shape[1])))
    top = known.amax(0)

    def score(points: Sequence[Point]) -> Tensor:
        found = prior.mean([point.architecture for point in points if point.architecture])
        return -((top - found) * weights).amax(1)

    front = zip(prior.measured, is_non_dominated(known).tolist(), strict=True)
    best = [Point(each, pool.parameters.sample(rng)) for each, good in front if good]
    found = pool.candidates(best, history.spent, score, 1, rng)
    return found[0] if found else None
