"""Normal scores of ranks: an outcome transform that keeps the order of values and nothing else.

    z_i = Phi^-1((r_i - 3/8) / (n + 1/4)),   r_i the rank of y_i among n, equal ones share theirs

Every network counts alike, those that do not learn at all as well: right where everything is to be
ranked, not where a search must tell the best ones apart. Between measured values the transform is
linear. Beyond the best (worst) one it goes on with the slope of the chord from the median to it: an
extreme pair of nearly equal values would give any slope.

Source: Blom (1958), "Statistical estimates and transformed beta-variables"; Snelson, Rasmussen and
Ghahramani (2004), "Warped Gaussian processes", NeurIPS (transforms of a process's values).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import rankdata
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class RankTransform:
    """The transform of one objective by ranks; ``fit_rank_transform`` makes it.

    Attributes:
        values: ``k`` different values, divided by ``scale`` and rising, one beyond each extreme.
        scores: Their ``k`` normal scores, rising.
        scale: What values are divided by.
    """

    values: Tensor
    scores: Tensor
    scale: float = 1.0

    def rescale(self, values: Tensor) -> Tensor:
        """Divide oriented values by ``scale``."""
        return values / self.scale

    def transform(self, values: Tensor) -> Tensor:
        """Return the normal scores of oriented values."""
        return _interpolate(values / self.scale, self.values, self.scores)

    def transform_variance(self, values: Tensor, variance: Tensor) -> Tensor:
        """Return the variances of scores: half the distance between one deviation up and down."""
        sd = variance.sqrt()
        return (0.5 * (self.transform(values + sd) - self.transform(values - sd))).square()

    def untransform(self, modelled: Tensor) -> Tensor:
        """Return the oriented values, in units of ``scale``, of normal scores."""
        return _interpolate(modelled, self.scores, self.values)

    def unscale(self, scaled: Tensor) -> Tensor:
        """Return values in the user's unit, finite, of values in units of ``scale``."""
        return torch.nan_to_num(scaled * self.scale)

    def untransform_marginals(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normal that agrees above the median with the untransformed posterior."""
        median = self.untransform(mean)
        return median, (self.untransform(mean + variance.sqrt()) - median).square()


def fit_rank_transform(values: Tensor, scale: float = 1.0) -> RankTransform:
    """Rank ``n`` finite oriented values, two of which differ, in units of ``scale``.

    >>> transform = fit_rank_transform(torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64))
    >>> [round(z, 2) for z in transform.transform(torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()]
    [-0.87, 0.0, 0.87, 1.74]
    """
    y = values.detach().to(torch.float64).numpy() / scale
    known, first = np.unique(y, return_index=True)
    z = ndtri((rankdata(y) - 0.375) / (len(y) + 0.25))[first]
    middle = len(known) // 2 if len(known) % 2 else slice(len(known) // 2 - 1, len(known) // 2 + 1)
    centre = float(np.mean(known[middle])), float(np.mean(z[middle]))
    knots = [
        _beyond(known[0], z[0], *centre),
        *zip(known, z, strict=True),
        _beyond(known[-1], z[-1], *centre),
    ]
    found = torch.tensor(np.array(knots), dtype=values.dtype)
    return RankTransform(found[:, 0].contiguous(), found[:, 1].contiguous(), scale)


def _beyond(y: float, z: float, centre_y: float, centre_z: float) -> tuple[float, float]:
    """Return a point beyond an extreme one, on the chord from the centre."""
    return 2 * y - centre_y, 2 * z - centre_z


def _interpolate(x: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """Interpolate linearly between rising points, and extend the first and the last line."""
    right = torch.searchsorted(given, x.contiguous()).clamp(1, len(given) - 1)
    left = right - 1
    share = (x - given[left]) / (given[right] - given[left])
    return wanted[left] + share * (wanted[right] - wanted[left])
