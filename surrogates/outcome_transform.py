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

Values of extraordinary size (1e-300, 1e300) are divided by the largest that is left, ``scale``:
squares and products of what comes out are then finite. The logarithm is taken of what is measured,
so that 1e-300 beside 1e300 is not lost.

Source: Snelson, Rasmussen and Ghahramani (2004), "Warped Gaussian processes", NeurIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Form = Literal["plain", "logarithmic", "regret"]

_ORDINARY = (1e-50, 1e50)  # the largest size of values that need no scale
_LARGE = 1e300  # sizes whose differences may overflow
_FAR = 1e30  # times the largest size: a sample that is worse is as bad as that
_LEAST = 1e-12  # relative to the best value: below it a difference to the median is rounding


@dataclass(frozen=True, slots=True)
class Warp:
    """The transformation of one objective.

    Attributes:
        ceiling: What scaled values stay below, or None for a plain form.
        floor: The least modelled value.
        scale: What values are divided by.
        bottom: The least scaled value that samples are bent back to.
    """

    ceiling: float | None
    floor: float
    scale: float = 1.0
    bottom: float = -math.inf

    @classmethod
    def of(cls, values: Tensor, form: Form) -> Warp:
        """With the ceiling, the floor and the scale that ``n`` finite oriented values give."""
        if form == "logarithmic":
            scale = _scale(values)
            return cls(0.0, -math.inf, scale, -_FAR * (float(values.abs().max()) / scale))
        floor = _floor(values)
        kept = values.clamp_min(floor)
        scale = _scale(kept)
        kept, floor = kept / scale, floor / scale
        best, median = float(kept.max()), float(kept.median())
        bottom = -_FAR * max(float(kept.abs().max()), 1.0 / _ORDINARY[1])
        if form == "plain" or best - median <= _LEAST * abs(best):
            return cls(None, floor, scale, bottom)
        ceiling = best + 0.5 * (best - median)
        lowest = torch.tensor(floor, dtype=values.dtype)
        return cls(ceiling, float(_bent(lowest, ceiling)), scale, bottom)

    def scaled(self, values: Tensor) -> Tensor:
        """Oriented values in units of ``scale``; those that a plain form raises are raised."""
        values = values / self.scale
        return values.clamp_min(self.floor) if self.ceiling is None else values

    def warped(self, values: Tensor) -> Tensor:
        """Oriented values to modelled ones."""
        if self.ceiling == 0.0:  # -log(-y / scale), where the quotient may be too small
            return (math.log(self.scale) - torch.log(-values)).clamp_min(self.floor)
        return _bent(values / self.scale, self.ceiling).clamp_min(self.floor)

    def warped_variance(self, values: Tensor, variance: Tensor) -> Tensor:
        """Variances of oriented values to those of modelled ones, by the slope of the warp."""
        if self.ceiling is None:
            return (variance.sqrt() / self.scale).square()
        if self.ceiling == 0.0:
            return (variance.sqrt() / values).square()
        return (variance.sqrt() / self.scale / (self.ceiling - values / self.scale)).square()

    def unwarped(self, modelled: Tensor) -> Tensor:
        """Modelled values, samples for example, to oriented ones in units of ``scale``."""
        if self.ceiling is None:
            return modelled
        return (self.ceiling - torch.exp(-modelled)).clamp_min(self.bottom)

    def restored(self, scaled: Tensor) -> Tensor:
        """Values in units of ``scale`` in the user's; finite."""
        return torch.nan_to_num(scaled * self.scale)

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


def scaled(values: Tensor) -> Tensor:
    """``n x m`` values, each column divided by a number that makes its size ordinary."""
    return torch.stack([column / _scale(column) for column in values.T], dim=1)


def _bent(values: Tensor, ceiling: float | None) -> Tensor:
    return values if ceiling is None else -torch.log(ceiling - values)


def _scale(values: Tensor) -> float:
    """1 for values of ordinary size, or for zeros; else the largest size."""
    largest = float(values.abs().max())
    return 1.0 if largest == 0 or _ORDINARY[0] <= largest <= _ORDINARY[1] else largest


def _floor(values: Tensor) -> float:
    unit = 8.0 if float(values.abs().max()) > _LARGE else 1.0
    quartiles = torch.tensor([0.25, 0.5], dtype=values.dtype)
    low, middle = torch.quantile(values / unit, quartiles).tolist()
    spread = middle - low
    return float(low - 1.5 * spread) * unit if spread > 0 else float(values.min())
