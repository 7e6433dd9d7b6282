"""How measured values are bent before they are modelled, and samples bent back.

Values come oriented (more is better). A quantity to be minimised that is always positive (latency,
error) is modelled by its logarithm. Then very bad values are raised to a floor: a model that must
explain networks that do not learn at all is worse where it matters.

    floor = q25 - 1.5 (median - q25)

Improvement is always counted in the user's own units: samples of the belief go back through
``unwarped`` before any hypervolume is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Warp:
    """The transformation of one objective, chosen from its values."""

    logarithmic: bool
    floor: float

    @classmethod
    def fitted(cls, values: Tensor) -> Warp:
        """From ``n`` finite oriented values."""
        logarithmic = bool((values < 0).all())
        bent = _bent(values, logarithmic)
        low, middle = torch.quantile(bent, torch.tensor([0.25, 0.5], dtype=bent.dtype)).tolist()
        spread = middle - low
        return cls(logarithmic, low - 1.5 * spread if spread > 0 else float(bent.min()))

    def warped(self, values: Tensor) -> Tensor:
        """Oriented values to modelled ones."""
        return _bent(values, self.logarithmic).clamp_min(self.floor)

    def unwarped(self, modelled: Tensor) -> Tensor:
        """Modelled values, samples for example, to oriented ones."""
        return -torch.exp(-modelled) if self.logarithmic else modelled

    def moments(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the oriented value whose modelled value is normal."""
        if not self.logarithmic:
            return mean, variance
        centre = -torch.exp(-mean + variance / 2)
        return centre, centre.square() * torch.expm1(variance)


def _bent(values: Tensor, logarithmic: bool) -> Tensor:
    return -torch.log(-values) if logarithmic else values
