"""A model together with the outcome transform that its values went through.

As in BoTorch, where an ``outcome_transform`` belongs to its model: apart, two callers would combine
them differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from botorch.models.model import Model
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.model import SupportsConditioning, SupportsWeights, marginals
from bonas.surrogates.outcome_transform import Form, OutcomeTransform, fit_outcome_transform
from bonas.surrogates.rank_transform import RankTransform
from bonas.surrogates.surrogate import Surrogate, condition, fit


@dataclass(frozen=True)
class TransformedModel:
    """A model of one objective, over values that went through ``outcome_transform``."""

    model: Model
    outcome_transform: OutcomeTransform | RankTransform

    def marginals(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances, ``N`` each, of modelled values at ``N x d`` points."""
        return marginals(self.model, X)

    def untransformed_marginals(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return medians and upper variances, ``N`` each, of oriented values in units of scale."""
        return self.outcome_transform.untransform_marginals(*self.marginals(X))

    def sample(self, X: Tensor, s: int, seed: int) -> Tensor:
        """Draw ``s x N`` joint samples of modelled values at ``N x d`` points."""
        posterior: Any = self.model.posterior(X)  # get_sampler takes more than it declares
        samples: Tensor = get_sampler(posterior, torch.Size([s]), seed=seed)(posterior)
        return samples.squeeze(-1)

    def untransformed_samples(self, X: Tensor, s: int, seed: int) -> Tensor:
        """Draw ``s x N`` joint samples of oriented values in units of scale."""
        return self.outcome_transform.untransform(self.sample(X, s, seed))

    def predict(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return median and spread, ``N`` each, of what measuring ``N x d`` points should give.

        Oriented, in the user's unit, the noise of a measurement included.
        """
        transform = self.outcome_transform
        posterior: Any = self.model.posterior(X.unsqueeze(1), observation_noise=True)
        mean, sd = posterior.mean.reshape(-1), posterior.variance.reshape(-1).sqrt()
        low, high = transform.untransform(mean - sd), transform.untransform(mean + sd)
        median = transform.untransform(mean)
        return transform.unscale(median), transform.unscale((high - low) / 2)

    @property
    def weights(self) -> list[float]:
        """The weights of a mixture's members; empty for any other model."""
        return self.model.weights.tolist() if isinstance(self.model, SupportsWeights) else []


def fit_transformed(
    surrogate: Surrogate,
    X: Tensor,
    y: Tensor,
    layout: Layout,
    seed: int,
    form: Form,
    variance: Tensor | None = None,
    grown_from: Model | None = None,
    lower: LowerFidelity | None = None,
) -> TransformedModel:
    """Fit an outcome transform, then a model of the transformed values.

    Args:
        surrogate: What fits the model.
        X: ``n x d`` encodings.
        y: ``n`` oriented values.
        layout: The blocks of the encoding.
        seed: Seed of the surrogate.
        form: The form of the outcome transform.
        variance: ``n`` variances of the values, NaN where unknown.
        grown_from: A model of other data whose hyper-parameters are kept, if it can keep them; else
            the surrogate fits anew.
        lower: Oriented values at lower fidelities. They are not transformed: only their order
            counts.
    """
    transform = fit_outcome_transform(y, form)
    values = transform.transform(y).unsqueeze(1)
    noise = torch.full_like(y, torch.nan) if variance is None else variance
    noise = transform.transform_variance(y, noise).unsqueeze(1)
    if isinstance(grown_from, SupportsConditioning):
        model = condition(surrogate, grown_from, X, values, noise, lower)
    else:
        model = fit(surrogate, X, values, layout, seed, noise, lower)
    return TransformedModel(model, transform)
