"""How measured values are bent before they are modelled, and samples bent back.

Values come oriented (more is better). A quantity to be minimised that is always positive (latency,
error) is modelled as it is or by its logarithm, whichever a Gaussian process predicts better: by
the leave-one-out density of the values, in their own units. Then very bad values are raised to a
floor: a model that must explain networks that do not learn at all is worse where it matters.

    floor = q25 - 1.5 (median - q25)

Improvement is always counted in the user's own units: samples of the belief go back through
``unwarped`` before any hypervolume is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.surrogates.graph_gp import GraphGP

_ENOUGH = 100  # values that decide on the logarithm: the first


@dataclass(frozen=True, slots=True)
class Warp:
    """The transformation of one objective, chosen from its values."""

    logarithmic: bool
    floor: float

    @classmethod
    def chosen(cls, X: Tensor, values: Tensor, layout: Layout) -> Warp:
        """For ``n`` finite oriented values of ``n x d`` encodings."""
        logarithmic = False
        X, some = X[:_ENOUGH], values[:_ENOUGH]
        if bool((values < 0).all()):
            as_it_is = GraphGP(X, some.unsqueeze(1), layout).held_out_log_density().sum()
            bent = GraphGP(X, _bent(some, True).unsqueeze(1), layout).held_out_log_density()
            # the density of y is that of -log(-y), times its slope 1 / |y|
            logarithmic = bool((bent - some.abs().log()).sum() > as_it_is)
        return cls.of(values, logarithmic)

    @classmethod
    def of(cls, values: Tensor, logarithmic: bool) -> Warp:
        """With the floor that ``n`` finite oriented values give."""
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

    def upper_half(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of a normal that agrees above the median with the unwarped belief.

        The median, and the distance to the value one standard deviation better: improvement lies
        on that side. (The moments of a log-normal would be ruled by its long tail of bad values.)
        """
        median = self.unwarped(mean)
        return median, (self.unwarped(mean + variance.sqrt()) - median).square()


def _bent(values: Tensor, logarithmic: bool) -> Tensor:
    return -torch.log(-values) if logarithmic else values
