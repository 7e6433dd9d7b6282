"""The belief about all objectives: one surrogate each, over warped values.

Hyper-parameters are settled by the first trials up to a milestone: by all of them while there are
few, then at every tenth more (30, 33, 36, 39, 42, 46, ...). Which trials decide follows from their
number alone, so a belief made afresh and one that grew with the study are the same. The form of
each warp is decided by all trials: one value of 0 is enough to see that a cost has no logarithm,
and what was settled with another form is settled anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from botorch.models.model import Model
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.encoders import Layout
from bonas.studies.proposing.milestones import milestone
from bonas.surrogates import Surrogate
from bonas.surrogates.outcome_transform import Form, Warp, form_of
from bonas.surrogates.surrogate import Conditionable, fitted, marginals

_LEAST_SD = 1e-12  # relative to the largest value: below it the values are constant
_FAR = 1e6  # standard deviations: a reference point further away is as good as at that distance


@dataclass(frozen=True)
class Belief:
    """One fitted model and one warp an objective.

    Everything comes out oriented (more is better), shifted and divided so that measured values have
    mean 0 and standard deviation 1. With several objectives that is on the scale of the user's
    units, in which improvement is counted; a single one stays warped (log regret): a better value
    is a better value on either scale.
    """

    X: Tensor
    settled: Settled
    models: Sequence[Model]
    warps: Sequence[Warp]
    shift: Tensor
    unit: Tensor

    @classmethod
    def fitted(
        cls,
        surrogate: Surrogate,
        X: Tensor,
        Y: Tensor,
        layout: Layout,
        seed: int,
        previous: Belief | None = None,
        noise: Tensor | None = None,
    ) -> Belief:
        """From ``n x d`` encodings and ``n x m`` oriented values.

        ``previous``, a belief about the first of these trials, only saves time. ``noise`` holds
        the variances of the values, ``n x m``, NaN where they are not known.
        """
        m = milestone(len(X))
        noise = torch.full_like(Y, torch.nan) if noise is None else noise
        alone = Y.shape[1] == 1
        forms = [form_of(y, alone) for y in Y.T]
        if previous is not None and previous.settled.by(X[:m], Y[:m], forms):
            settled, start = previous.settled, previous.models
        else:
            settled = Settled.of(surrogate, X[:m], Y[:m], noise[:m], layout, seed, forms)
            start = settled.models
        warps = [Warp.of(y, form) for y, form in zip(Y.T, forms, strict=True)]
        models = start if m == len(X) else []
        if m < len(X):
            for j, (model, warp) in enumerate(zip(start, warps, strict=True)):
                values = warp.warped(Y[:, j]).unsqueeze(1)
                known = warp.warped_variance(Y[:, j], noise[:, j]).unsqueeze(1)
                if isinstance(model, Conditionable):
                    grown: Model = model.conditioned(X, values, known)
                else:  # it is fitted anew
                    grown = fitted(surrogate, X, values, known, layout.of(j), seed + j)
                models = [*models, grown]
        linear = [warp.scaled(y) for y, warp in zip(Y.T, warps, strict=True)]
        measured = warps[0].warped(Y) if alone else torch.stack(linear, dim=1)
        sd = measured.std(0, correction=0)
        unit = torch.where(sd > _LEAST_SD * measured.abs().max(0).values, sd, 1.0)
        return cls(X, settled, models, warps, measured.mean(0), unit)

    def scaled(self, reference_point: Tensor) -> Tensor:
        """``m`` oriented values on the scale of the belief, none absurdly far away."""
        if len(self.warps) == 1:
            values = self.warps[0].warped(reference_point)
        else:
            values = reference_point / reference_point.new_tensor([w.scale for w in self.warps])
        distance = (values - self.shift) / self.unit
        return distance.nan_to_num(nan=_FAR).clamp(-_FAR, _FAR)  # nan: above the ceiling

    def marginals(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Medians and upper variances ``N x m`` of each point of ``N x d`` by itself."""
        means, variances = [], []
        with torch.no_grad():
            for model, warp in zip(self.models, self.warps, strict=True):
                mean, variance = marginals(model, X)
                if len(self.warps) > 1:
                    mean, variance = warp.upper_half(mean, variance)
                means.append(mean)
                variances.append(variance)
        mean, variance = torch.stack(means, dim=1), torch.stack(variances, dim=1)
        return (mean - self.shift) / self.unit, variance / self.unit**2

    def draws(self, X: Tensor, s: int, seed: int) -> Tensor:
        """``s x N x m`` joint samples of the points ``N x d``."""
        outputs = []
        with torch.no_grad():
            for objective, (model, warp) in enumerate(zip(self.models, self.warps, strict=True)):
                posterior: Any = model.posterior(X)  # get_sampler takes more than it declares
                sampler = get_sampler(posterior, torch.Size([s]), seed=seed + objective)
                drawn = sampler(posterior).squeeze(-1)
                outputs.append(drawn if len(self.warps) == 1 else warp.unwarped(drawn))
        return (torch.stack(outputs, dim=-1) - self.shift) / self.unit

    def expected(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """What measuring one of ``N x d`` points should give: median and spread, ``N x m``.

        Oriented, in the user's units, the noise of a measurement included.
        """
        medians, spreads = [], []
        with torch.no_grad():
            for model, warp in zip(self.models, self.warps, strict=True):
                posterior: Any = model.posterior(X.unsqueeze(1), observation_noise=True)
                mean, sd = posterior.mean.reshape(-1), posterior.variance.reshape(-1).sqrt()
                low, high = warp.unwarped(mean - sd), warp.unwarped(mean + sd)
                medians.append(warp.restored(warp.unwarped(mean)))
                spreads.append(warp.restored((high - low) / 2))
        return torch.stack(medians, dim=1), torch.stack(spreads, dim=1)

    @property
    def weights(self) -> list[list[float]]:
        """For each objective the weights of its mixture's members; empty for other surrogates."""
        found = [getattr(model, "weights", None) for model in self.models]
        return [[] if each is None else each.tolist() for each in found]


@dataclass(frozen=True)
class Settled:
    """What the trials up to a milestone decided: the form of each warp, and the models' fits."""

    X: Tensor
    Y: Tensor
    forms: Sequence[Form]
    models: Sequence[Model]

    @classmethod
    def of(
        cls,
        surrogate: Surrogate,
        X: Tensor,
        Y: Tensor,
        noise: Tensor,
        layout: Layout,
        seed: int,
        forms: Sequence[Form],
    ) -> Settled:
        """Fitted to ``m x d`` encodings, their oriented values and the variances known of these."""
        models = []
        for j, (y, form) in enumerate(zip(Y.T, forms, strict=True)):
            warp = Warp.of(y, form)
            values, known = warp.warped(y), warp.warped_variance(y, noise[:, j])
            pair = values.unsqueeze(1), known.unsqueeze(1)
            models.append(fitted(surrogate, X, *pair, layout.of(j), seed + j))
        return cls(X, Y, forms, models)

    def by(self, X: Tensor, Y: Tensor, forms: Sequence[Form]) -> bool:
        """Whether it was these trials that decided, with these forms."""
        same = list(self.forms) == list(forms)
        return same and torch.equal(self.X, X) and torch.equal(self.Y, Y)
