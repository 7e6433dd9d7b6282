"""Acquisition functions: which candidate is worth an evaluation. More is better.

All values are oriented (more is better), on a linear scale of the user's units. Two stages:

1. ``screening`` scores every candidate of a large pool by its marginal posterior, in closed form:
   the logarithm of the expected improvement, or the expected hypervolume improvement.
2. An ``Acquisition`` scores the best few dozen from joint samples, in which candidates, evaluated
   and pending points are correlated: qLogNEI for one objective, qNEHVI for more. (The logarithm of
   the latter helps where gradients are followed; candidates of a table are only compared. Both
   rank them alike, and it takes ten times as long.)

The number of boxes in a hypervolume grows with a power of the front's size; from five objectives
on, and for large fronts of three or four, ``scalarisation.py`` takes its place.

Source: Daulton, Balandat and Bakshy (2021), "Parallel Bayesian optimization of multiple noisy
objectives with expected hypervolume improvement", NeurIPS; Ament et al. (2023), "Unexpected
improvements to expected improvement for Bayesian optimization", NeurIPS.
"""

from __future__ import annotations

import math
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

from bonas.studies.proposing.table_model import (
    NormalTable,
    SampleTable,
    SampleTableSampler,
    row_numbers,
)

_CHUNK = 4_096  # candidates screened at once
LEAST_VARIANCE = 1e-10  # gpytorch's own limit
_TINY = 1e-300  # for quotients by a standard deviation of 0


class Acquisition(Protocol):
    """A function that scores candidates by joint samples."""

    def __call__(self, samples: Tensor, known: int, reference_point: Tensor, /) -> Tensor:
        """Return ``c`` scores of the candidates, more is better.

        Args:
            samples: ``s x (known + c) x m``, oriented; the first ``known`` rows are evaluated or
                pending points, the other ``c`` candidates.
            known: How many.
            reference_point: ``m`` oriented values.
        """
        ...


def noisy_improvement(samples: Tensor, known: int, reference_point: Tensor) -> Tensor:
    """Compute BoTorch's qLogNEI (one objective) or qNEHVI (more) of each candidate alone."""
    model = SampleTable(samples)
    shape = torch.Size([len(samples)])
    sampler = SampleTableSampler(sample_shape=shape, seed=0)  # without a seed one is drawn
    candidates = row_numbers(known, samples.shape[1]).unsqueeze(1)
    baseline = row_numbers(0, known)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericsWarning)  # it advises the logarithm
        if samples.shape[-1] == 1:
            single = qLogNoisyExpectedImprovement(
                model, baseline, sampler=sampler, prune_baseline=False, cache_root=False
            )
            return torch.as_tensor(single(candidates))
        # a point that is dominated in every sample cannot shape any front
        best = is_non_dominated(samples[:, :known], deduplicate=False).any(0)
        several = qNoisyExpectedHypervolumeImprovement(
            model,
            reference_point.tolist(),
            baseline[best],
            sampler=sampler,
            prune_baseline=False,
            cache_root=False,
        )
        return torch.as_tensor(several(candidates))


def thompson(samples: Tensor, known: int, reference_point: Tensor) -> Tensor:
    """Compute the improvement under one posterior sample (Thompson, 1933)."""
    return noisy_improvement(samples[:1], known, reference_point)


ACQUISITIONS: dict[str, Acquisition] = {
    "noisy_improvement": noisy_improvement,
    "thompson": thompson,
}
"""The acquisitions that can be chosen by name."""


def screening(
    mean: Tensor, variance: Tensor, known_mean: Tensor, reference_point: Tensor
) -> Tensor:
    """Return ``N`` scores by marginal posteriors; ``mean`` and ``variance`` are ``N x m``.

    Improvement is counted over ``known_mean``, ``n x m``: the posterior means of known points.
    """
    model = NormalTable(mean, variance.clamp_min(LEAST_VARIANCE))
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
        chunks = torch.split(row_numbers(0, len(mean)).unsqueeze(1), _CHUNK)
        return torch.cat([expected(chunk) for chunk in chunks])


def improvement_with_known(
    mean: Tensor, variance: Tensor, known_mean: Tensor, reference_point: Tensor
) -> Tensor:
    """Return ``N`` expected hypervolume improvements where some objectives are known.

        E[HVI] = sum over boxes of prod_j (EI_j(l_j) - EI_j(u_j)),   EI_j(a) = E[max(Y_j - a, 0)]

    The boxes ``(l, u)`` fill what ``known_mean`` does not dominate above ``reference_point``. For a
    known objective, whose variance is 0, the factor is the length that its value covers. With one
    unknown objective, that leaves the sum over the steps of the front: width times improvement.

    Args:
        mean: ``N x m``, oriented.
        variance: ``N x m``; 0 for known values.
        known_mean: ``n x m``: the values of known points.
        reference_point: ``m`` oriented values.

    Source: Yang, Emmerich, Deutz and Baeck (2019), "Efficient computation of expected hypervolume
    improvement using box decomposition algorithms", Journal of Global Optimization.
    """
    low, high = FastNondominatedPartitioning(
        reference_point, Y=known_mean
    ).get_hypercell_bounds()  # boxes x m
    parts = zip(torch.split(mean, _CHUNK), torch.split(variance, _CHUNK), strict=True)
    return torch.cat([_in_boxes(mu, var.sqrt(), low, high) for mu, var in parts])


def _in_boxes(mean: Tensor, sd: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the expected volumes that ``N x m`` normal points add in boxes, summed."""
    volumes = mean.new_ones(len(mean), len(low))
    for j in range(mean.shape[1]):
        mu, sigma = mean[:, j : j + 1], sd[:, j : j + 1]
        volumes *= _improvement(mu, sigma, low[:, j]) - _improvement(mu, sigma, high[:, j])
    return volumes.sum(1)


def _improvement(mean: Tensor, sd: Tensor, best: Tensor) -> Tensor:
    """Return the expected improvement over ``k`` values, ``N x k``; ``mean`` is ``N x 1``."""
    gain = mean - best
    z = gain / sd.clamp_min(_TINY)
    normal = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    uncertain = sd * (normal + z * torch.special.ndtr(z))
    return torch.where((sd > 0) & gain.isfinite(), uncertain, gain.clamp_min(0))
