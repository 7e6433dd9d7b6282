"""A mixture of surrogates, weighted by how well each predicts unseen values.

    p(y) = sum_c w_c p_c(y),   w = argmax_w sum_i log sum_c w_c p_c(y_i | all but y_i)

The weights maximise the leave-one-out log score of the mixture itself (stacking), with a weak pull
to equal weights, so a mixture is about as good as its best member, or better than each where they
err in different places.

Source: Yao, Vehtari, Simpson and Gelman (2018), "Using stacking to average Bayesian predictive
distributions", Bayesian Analysis 13(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates.graph_gp_fit import fit_graph_gp
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.mixture_posterior import MixturePosterior, components_of
from bonas.surrogates.model import SupportsConditioning, SupportsLOO, SurrogateModel, marginals
from bonas.surrogates.surrogate import Surrogate, condition, fit, supports

_PULL = 1.0  # pseudo-observations of each member: the pull to equal weights
_ROUNDS = 200


@supports(known_noise=True, prior_mean=True, lower_fidelity=True)
def fit_mixture(
    train_X: Tensor,
    train_Y: Tensor,
    layout: Layout,
    seed: int = 0,
    *,
    train_Yvar: Tensor | None = None,
    lower: LowerFidelity | None = None,
    members: Sequence[Surrogate] = (fit_graph_gp, partial(fit_graph_gp, embedding=True)),
) -> Mixture:
    """Fit the members and weigh them.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Seed of the members that take one.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN; for the
            members that take them.
        lower: Values at lower fidelities, for the members that read them.
        members: Surrogates whose models have a ``loo_log_density``; by default a process over
            choices and statistics, and one that also reads the embedding.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: if the model of a member has no ``loo_log_density``.
    """
    models = [fit(member, train_X, train_Y, layout, seed, train_Yvar, lower) for member in members]
    weights = stacked_weights(torch.stack(_loo_log_densities(models)))
    return Mixture(models, weights, members, layout, seed)


class Mixture(SurrogateModel):
    """A weighted mixture of models; ``fit_mixture`` fits and weighs them.

    Args:
        members: The models; their posteriors are Gaussian or mixtures of Gaussians.
        weights: One number per member; they sum to 1.
        surrogates: What fitted the members: those that do not support conditioning are fitted anew.
        layout: The blocks of the encoding, for these.
        seed: Their seed, and that of the posterior's samples.
    """

    def __init__(
        self,
        members: Sequence[Model],
        weights: Tensor,
        surrogates: Sequence[Surrogate],
        layout: Layout,
        seed: int,
    ) -> None:
        super().__init__()
        self.members, self.weights = list(members), weights
        self.surrogates, self.layout, self.seed = tuple(surrogates), layout, seed

    def condition_on(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        train_Yvar: Tensor | None = None,
        lower: LowerFidelity | None = None,
    ) -> Mixture:
        """Return a model of other data with the same weights, the members conditioned on them."""
        data = train_X, train_Y
        members = [
            condition(surrogate, member, *data, train_Yvar, lower)
            if isinstance(member, SupportsConditioning)
            else fit(surrogate, *data, self.layout, self.seed, train_Yvar, lower)
            for member, surrogate in zip(self.members, self.surrogates, strict=True)
        ]
        return Mixture(members, self.weights, self.surrogates, self.layout, self.seed)

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances, ``N`` each, of the rows of ``pool`` (``N x d``)."""
        means, variances = zip(*(marginals(m, pool) for m in self.members), strict=True)
        mean = torch.tensordot(self.weights, torch.stack(means), dims=1)
        spread = torch.stack(variances) + (torch.stack(means) - mean).square()
        return mean, torch.tensordot(self.weights, spread, dims=1)

    def loo_log_density(self) -> Tensor:
        """Return ``n`` leave-one-out log densities of the mixture; its weights know the values."""
        densities = torch.stack(_loo_log_densities(self.members))
        return torch.logsumexp(densities + self.weights.log().unsqueeze(1), dim=0)

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        parts = [
            components_of(member.posterior(X, observation_noise=noisy)) for member in self.members
        ]
        means, covariances, inner = zip(*parts, strict=True)
        weights = torch.cat([w * part for w, part in zip(self.weights, inner, strict=True)])
        return MixturePosterior(torch.cat(means), torch.cat(covariances), weights, self.seed)


def stacked_weights(log_densities: Tensor) -> Tensor:
    """Compute the weights of the best leave-one-out log score from ``members x n`` log densities.

    Expectation maximisation: each value votes for members in proportion to how well they predict.
    """
    members = len(log_densities)
    weights = torch.full((members,), 1 / members, dtype=log_densities.dtype)
    for _ in range(_ROUNDS):
        votes = torch.softmax(log_densities + weights.log().unsqueeze(1), dim=0).sum(1) + _PULL
        weights = votes / votes.sum()
    return weights


def _loo_log_densities(models: Sequence[Any]) -> list[Tensor]:
    """Return the leave-one-out log densities of each model.

    Raises:
        InvalidArgument: if a model has none.
    """
    for model in models:
        if not isinstance(model, SupportsLOO):
            raise InvalidArgument(
                f"a member of a mixture needs a loo_log_density(), by which it is weighed; "
                f"{type(model).__name__} has none: implement it, or choose another member"
            )
    return [model.loo_log_density() for model in models]
