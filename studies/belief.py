"""The belief about all objectives: one surrogate each, over warped values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models.model import Model
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.encoders import Layout
from bonas.surrogates import Surrogate
from bonas.surrogates.warp import Warp

_CHUNK = 4_096  # points asked about at once
_LEAST_SD = 1e-12  # relative to the largest value: below it the values are constant


@dataclass(frozen=True)
class Belief:
    """One fitted model and one warp an objective.

    Everything comes out oriented (more is better) and on the scale of the user's units, shifted and
    divided so that measured values have mean 0 and standard deviation 1: improvement is counted in
    the user's units, and no acquisition function meets numbers of odd sizes.
    """

    models: Sequence[Model]
    warps: Sequence[Warp]
    shift: Tensor
    unit: Tensor

    @classmethod
    def fitted(
        cls, surrogate: Surrogate, X: Tensor, Y: Tensor, layout: Layout, seed: int
    ) -> Belief:
        """From ``n x d`` encodings and ``n x m`` oriented values."""
        warps = [Warp.chosen(X, y, layout) for y in Y.T]
        models = [
            surrogate(X, warp.warped(y).unsqueeze(1), layout, seed + objective)
            for objective, (warp, y) in enumerate(zip(warps, Y.T, strict=True))
        ]
        sd = Y.std(0, correction=0)
        unit = torch.where(sd > _LEAST_SD * Y.abs().max(0).values, sd, 1.0)
        return cls(models, warps, Y.mean(0), unit)

    def scaled(self, values: Tensor) -> Tensor:
        """Oriented values ``... x m`` on the scale of the belief."""
        return (values - self.shift) / self.unit

    def marginals(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Medians and upper variances ``N x m`` of each point of ``N x d`` by itself."""
        means, variances = [], []
        with torch.no_grad():
            for model, warp in zip(self.models, self.warps, strict=True):
                # Any: BoTorch's Posterior does not declare the mean that every one of them has
                parts: list[Any] = [
                    model.posterior(chunk) for chunk in torch.split(X.unsqueeze(1), _CHUNK)
                ]
                mean = torch.cat([part.mean.reshape(-1) for part in parts])
                variance = torch.cat([part.variance.reshape(-1) for part in parts])
                mean, variance = warp.upper_half(mean, variance)
                means.append(mean)
                variances.append(variance)
        return self.scaled(torch.stack(means, dim=1)), torch.stack(variances, dim=1) / self.unit**2

    def draws(self, X: Tensor, s: int, seed: int) -> Tensor:
        """``s x N x m`` joint samples of the points ``N x d``."""
        outputs = []
        with torch.no_grad():
            for objective, (model, warp) in enumerate(zip(self.models, self.warps, strict=True)):
                posterior: Any = model.posterior(X)  # get_sampler takes more than it declares
                sampler = get_sampler(posterior, torch.Size([s]), seed=seed + objective)
                outputs.append(warp.unwarped(sampler(posterior).squeeze(-1)))
        return self.scaled(torch.stack(outputs, dim=-1))
