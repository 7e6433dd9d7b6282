"""How measured values are bent before they are modelled, and samples bent back.

Values come oriented (more is better). They are modelled in one of three forms:

    plain         y
    logarithmic   -log(-y)        of a cost, which is always above 0: a latency, an error
    regret        -log(top - y)   top = best + (best - median) / 2

The last stretches what lies near the best value, where a search for that one value must tell
networks apart, and presses together all the rest. With several objectives the front runs through
the whole range of each, so they are plain; but a cost is logarithmic, since half the latency is
worth as much at the fast end of the front as at the slow one.

Then very bad values are raised to a floor: a model that must explain networks that do not learn at
all is worse where it matters.

    floor = q25 - 1.5 (median - q25)

A cost has none: the slowest networks are the most accurate end of the front.

Source: Snelson, Rasmussen and Ghahramani (2004), "Warped Gaussian processes", NeurIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Form = Literal["plain", "logarithmic", "regret"]


@dataclass(frozen=True, slots=True)
class Warp:
    """The transformation of one objective; ``ceiling`` is what values stay below, or None."""

    ceiling: float | None
    floor: float

    @classmethod
    def of(cls, values: Tensor, form: Form) -> Warp:
        """With the ceiling and the floor that ``n`` finite oriented values give."""
        best, median = float(values.max()), float(values.median())
        if form == "logarithmic":
            return cls(0.0, -math.inf)
        if form == "plain" or best <= median:
            return cls(None, _floor(values))
        ceiling = best + 0.5 * (best - median)
        lowest = torch.tensor(_floor(values), dtype=values.dtype)
        return cls(ceiling, float(_bent(lowest, ceiling)))

    def warped(self, values: Tensor) -> Tensor:
        """Oriented values to modelled ones."""
        return _bent(values, self.ceiling).clamp_min(self.floor)

    def warped_variance(self, values: Tensor, variance: Tensor) -> Tensor:
        """Variances of oriented values to those of modelled ones, by the slope of the warp."""
        return variance if self.ceiling is None else variance / (self.ceiling - values).square()

    def unwarped(self, modelled: Tensor) -> Tensor:
        """Modelled values, samples for example, to oriented ones."""
        return modelled if self.ceiling is None else self.ceiling - torch.exp(-modelled)

    def upper_half(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of a normal that agrees above the median with the unwarped belief.

        The median, and the distance to the value one standard deviation better: improvement lies
        on that side. (The moments of a log-normal would be ruled by its long tail of bad values.)
        """
        median = self.unwarped(mean)
        return median, (self.unwarped(mean + variance.sqrt()) - median).square()


def form_of(values: Tensor, alone: bool) -> Form:
    """The form for oriented values of one objective, ``alone`` or beside others."""
    if alone:
        return "regret"
    return "logarithmic" if bool((values < 0).all()) else "plain"


def _bent(values: Tensor, ceiling: float | None) -> Tensor:
    return values if ceiling is None else -torch.log(ceiling - values)


def _floor(values: Tensor) -> float:
    low, middle = torch.quantile(values, torch.tensor([0.25, 0.5], dtype=values.dtype)).tolist()
    spread = middle - low
    return float(low - 1.5 * spread) if spread > 0 else float(values.min())
