"""Which candidate is worth an evaluation: scores of improvement, more is better.

All values are oriented (more is better), on a linear scale of the user's units. Two stages:

1. ``screening`` scores every candidate of a large pool by its own belief alone, in closed form:
   the logarithm of the expected improvement, or the expected hypervolume improvement.
2. An ``Acquisition`` scores the best few dozen from joint samples, which know how candidates,
   evaluated and pending points move together: qLogNEI for one objective, qNEHVI for more. (The
   logarithm of the latter helps where gradients are followed; candidates of a table are only
   compared. Both rank them alike, and it takes ten times as long.)

The boxes that a hypervolume is made of grow with a power of the front's size; from five objectives
on, and for large fronts of three or four, ``scalarisation.py`` takes its place.

Source: Daulton, Balandat and Bakshy (2021), "Parallel Bayesian optimization of multiple noisy
objectives with expected hypervolume improvement", NeurIPS; Ament et al. (2023), "Unexpected
improvements to expected improvement for Bayesian optimization", NeurIPS.
"""

from __future__ import annotations

import warnings
from typing import Protocol

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.acquisition.analytic import LogExpectedImprovement
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.monte_carlo import qNoisyExpectedHypervolumeImprovement
from botorch.exceptions.warnings import NumericsWarning
from botorch.utils.multi_objective.box_decompositions.non_dominated import (
    FastNondominatedPartitioning,
)
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.studies.proposing.table_model import Draws, DrawsSampler, Marginals, rows

_CHUNK = 4_096  # candidates screened at once
LEAST_VARIANCE = 1e-10  # gpytorch's own limit


class Acquisition(Protocol):
    """Scores candidates from joint samples."""

    def __call__(self, draws: Tensor, known: int, reference_point: Tensor) -> Tensor:
        """Scores of the candidates, more is better.

        ``draws``: ``s x (known + c) x m``, the first ``known`` rows evaluated or pending, the
        other ``c`` candidates; ``reference_point``: ``m``. Returns ``c`` scores.
        """
        ...


def noisy_improvement(draws: Tensor, known: int, reference_point: Tensor) -> Tensor:
    """BoTorch's qLogNEI (one objective) or qNEHVI (more), of each candidate alone."""
    model = Draws(draws)
    sampler = DrawsSampler(sample_shape=torch.Size([len(draws)]), seed=0)  # else one is drawn
    candidates = rows(known, draws.shape[1]).unsqueeze(1)
    baseline = rows(0, known)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericsWarning)  # it advises the logarithm
        if draws.shape[-1] == 1:
            single = qLogNoisyExpectedImprovement(
                model, baseline, sampler=sampler, prune_baseline=False, cache_root=False
            )
            return torch.as_tensor(single(candidates))
        # a point that is dominated in every draw cannot shape any front
        best = is_non_dominated(draws[:, :known], deduplicate=False).any(0)
        several = qNoisyExpectedHypervolumeImprovement(
            model,
            reference_point.tolist(),
            baseline[best],
            sampler=sampler,
            prune_baseline=False,
            cache_root=False,
        )
        return torch.as_tensor(several(candidates))


def thompson(draws: Tensor, known: int, reference_point: Tensor) -> Tensor:
    """The improvement under one sample of the belief (Thompson, 1933)."""
    return noisy_improvement(draws[:1], known, reference_point)


ACQUISITIONS: dict[str, Acquisition] = {
    "noisy_improvement": noisy_improvement,
    "thompson": thompson,
}
"""The acquisitions that can be chosen by name."""


def screening(
    mean: Tensor, variance: Tensor, known_mean: Tensor, reference_point: Tensor
) -> Tensor:
    """``N`` scores from each candidate's own belief; ``mean``, ``variance``: ``N x m``.

    Improvement is counted over ``known_mean``, ``n x m``: what is believed of the known points.
    """
    model = Marginals(mean, variance.clamp_min(LEAST_VARIANCE))
    if mean.shape[-1] == 1:
        expected: AcquisitionFunction = LogExpectedImprovement(model, best_f=known_mean.max())
    else:
        boxes = FastNondominatedPartitioning(reference_point, Y=known_mean)
        expected = ExpectedHypervolumeImprovement(
            model,
            reference_point.tolist(),
            boxes,  # type: ignore[arg-type]  # annotated too narrowly: any partitioning serves
        )
    with torch.no_grad():
        chunks = torch.split(rows(0, len(mean)).unsqueeze(1), _CHUNK)
        return torch.cat([expected(chunk) for chunk in chunks])
