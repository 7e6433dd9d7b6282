"""Inflation: how much surer a model is than it should be of trainings like those that were stopped.

A rule stops the worst, so finished trainings are a biased sample, and errors on them say little of
the rest of the space. One in ten goes on whatever its value, and stands for those that were not:

    w_i = 1 + how many stopped trainings are nearest to i, by their values at the cut
    r   = sum_i w_i e_i^2 / v_i / sum_i w_i        1 for a calibrated model
    f   = max(1, (m r + 3) / (m + 3)),   m = (sum_i w_i)^2 / sum_i w_i^2

with e_i the error and v_i the variance of final value i where its training is left out. m is the
effective number of values; three more are taken to be as expected. Variances are multiplied by f.

Source: Sugiyama, Krauledat and Mueller (2007), "Covariate shift adaptation by importance weighted
cross validation", JMLR 8; Loog (2012), "Nearest neighbor-based importance weighting", MLSP.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bonas.surrogates.lower_fidelity import LowerFidelity

_EXPECTED = 3.0  # values that are taken to be as expected


def inflation(error: Tensor, variance: Tensor, weights: Tensor) -> float:
    """Return f for ``n`` errors, their variances and weights."""
    m = float(weights.sum().square() / weights.square().sum())
    r = float((weights * error.square() / variance).sum() / weights.sum())
    return max(1.0, (m * r + _EXPECTED) / (m + _EXPECTED))


def importance(lower: LowerFidelity, n: int) -> Tensor:
    """Return the weights of ``n`` final values.

    A stopped training is compared at the last fidelity, in the order of the columns, at which it
    has a value; it counts nowhere if no finished training has one there.
    """
    weights = torch.ones(n, dtype=torch.float64)
    Y, finished = lower.Y, lower.is_finished
    known = ~Y.isnan()
    for j in range(Y.shape[1]):
        cut_here = known[:, j] & ~finished & ~known[:, j + 1 :].any(1)
        rivals = torch.nonzero(known[:, j] & finished).squeeze(1)
        if not len(rivals) or not cut_here.any():
            continue
        scores = lower.normal_scores()[:, j]
        nearest = (scores[cut_here].unsqueeze(1) - scores[rivals]).abs().argmin(1)
        own = lower.final[rivals[nearest]]
        weights.index_add_(0, own, torch.ones(len(own), dtype=torch.float64))
    return weights
