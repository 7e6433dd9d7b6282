"""Outcome transforms: measured values to modelled ones, and posterior samples back.

Values come oriented (more is better). They are modelled in one of four forms:

    plain         y
    logarithmic   -log(-y)        of a cost, which is always above 0: a latency, an error
    regret        -log(top - y)   top = best + (best - median) / 2
    ranks         normal scores   where everything is to be ranked (``rank_transform.py``)

The regret stretches what lies near the best value, where a search for that one value must
distinguish networks, and compresses the rest. With several objectives the front runs through the
whole range of each, so they are plain; but a cost is logarithmic, since half the latency is worth
as much at the fast end of the front as at the slow one.

Then, except in ranks, very bad values are raised to a floor: a model that must explain networks
that do not learn at all is worse where it matters.

    floor = q25 - 1.5 (median - q25)

A cost has none: the slowest networks are the most accurate end of the front.

Values of extraordinary size (1e-300, 1e300) are divided by the largest that is left, ``scale``, so
that squares and products of the results are finite. The logarithm is taken of the measured values,
so that 1e-300 is not lost next to 1e300.

Source: Snelson, Rasmussen and Ghahramani (2004), "Warped Gaussian processes", NeurIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bonas.surrogates.rank_transform import RankTransform, fit_rank_transform

Form = Literal["plain", "logarithmic", "regret", "ranks"]

_ORDINARY = (1e-50, 1e50)  # the largest size of values that need no scale
_LARGE = 1e300  # sizes whose differences may overflow
_FAR = 1e30  # times the largest size: a sample that is worse is as bad as that
_LEAST = 1e-12  # relative to the best value: below it a difference to the median is rounding


@dataclass(frozen=True, slots=True)
class OutcomeTransform:
    """The transform of one objective; ``fit_outcome_transform`` makes it.

    Attributes:
        ceiling: What scaled values stay below, or None for a plain form.
        floor: The least modelled value.
        scale: What values are divided by.
        bottom: The least scaled value that samples are transformed back to.
    """

    ceiling: float | None
    floor: float
    scale: float = 1.0
    bottom: float = -math.inf

    def rescale(self, values: Tensor) -> Tensor:
        """Divide oriented values by ``scale``, and raise those that a plain form raises."""
        values = values / self.scale
        return values.clamp_min(self.floor) if self.ceiling is None else values

    def transform(self, values: Tensor) -> Tensor:
        """Return the modelled values of oriented ones."""
        if self.ceiling == 0.0:  # -log(-y / scale), where the quotient may be too small
            return (math.log(self.scale) - torch.log(-values)).clamp_min(self.floor)
        return _below_ceiling(values / self.scale, self.ceiling).clamp_min(self.floor)

    def transform_variance(self, values: Tensor, variance: Tensor) -> Tensor:
        """Return the variances of modelled values, by the slope of the transform at ``values``."""
        if self.ceiling is None:
            return (variance.sqrt() / self.scale).square()
        if self.ceiling == 0.0:
            return (variance.sqrt() / values).square()
        return (variance.sqrt() / self.scale / (self.ceiling - values / self.scale)).square()

    def untransform(self, modelled: Tensor) -> Tensor:
        """Return the oriented values, in units of ``scale``, of modelled ones (samples, say)."""
        if self.ceiling is None:
            return modelled
        return (self.ceiling - torch.exp(-modelled)).clamp_min(self.bottom)

    def unscale(self, scaled: Tensor) -> Tensor:
        """Return values in the user's unit, finite, of values in units of ``scale``."""
        return torch.nan_to_num(scaled * self.scale)

    def untransform_marginals(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normal that agrees above the median with the untransformed posterior.

        Its mean is the median, its standard deviation the distance to the value one standard
        deviation better: improvement lies on that side. (The moments of a log-normal would be
        dominated by its long tail of bad values.)
        """
        median = self.untransform(mean)
        return median, (self.untransform(mean + variance.sqrt()) - median).square()


def fit_outcome_transform(values: Tensor, form: Form) -> OutcomeTransform | RankTransform:
    """Fit a transform of that form to ``n`` finite oriented values.

    >>> latencies = torch.tensor([-1.0, -10.0, -100.0], dtype=torch.float64)
    >>> transform = fit_outcome_transform(latencies, "logarithmic")
    >>> [round(y, 3) for y in transform.transform(latencies).tolist()]
    [0.0, -2.303, -4.605]
    """
    if form == "logarithmic":
        scale = _scale(values)
        bottom = -_FAR * (float(values.abs().max()) / scale)
        return OutcomeTransform(0.0, -math.inf, scale, bottom)
    if form == "ranks" and bool((values != values[0]).any()):
        return fit_rank_transform(values, _scale(values))
    floor = _floor(values)
    kept = values.clamp_min(floor)
    scale = _scale(kept)
    kept, floor = kept / scale, floor / scale
    best, median = float(kept.max()), float(kept.median())
    bottom = -_FAR * max(float(kept.abs().max()), 1.0 / _ORDINARY[1])
    if form in ("plain", "ranks") or best - median <= _LEAST * abs(best):
        return OutcomeTransform(None, floor, scale, bottom)
    ceiling = best + 0.5 * (best - median)
    lowest = torch.tensor(floor, dtype=values.dtype)
    return OutcomeTransform(ceiling, float(_below_ceiling(lowest, ceiling)), scale, bottom)


def choose_form(values: Tensor, alone: bool) -> Form:
    """Return the form for oriented values of an objective, the only one or one of several."""
    if alone:
        return "regret"
    return "logarithmic" if bool((values < 0).all()) else "plain"


def _below_ceiling(values: Tensor, ceiling: float | None) -> Tensor:
    """Return -log(ceiling - y); y itself without a ceiling."""
    return values if ceiling is None else -torch.log(ceiling - values)


def _scale(values: Tensor) -> float:
    """Return 1 for values of ordinary size, or for zeros; else the largest size."""
    largest = float(values.abs().max())
    return 1.0 if largest == 0 or _ORDINARY[0] <= largest <= _ORDINARY[1] else largest


def _floor(values: Tensor) -> float:
    unit = 8.0 if float(values.abs().max()) > _LARGE else 1.0
    quartiles = torch.tensor([0.25, 0.5], dtype=values.dtype)
    low, middle = torch.quantile(values / unit, quartiles).tolist()
    spread = middle - low
    return float(low - 1.5 * spread) * unit if spread > 0 else float(values.min())
