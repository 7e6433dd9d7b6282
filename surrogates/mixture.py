"""The GP/GNN ensemble: a mixture of surrogates, weighted by how well each predicts unseen values.

    p(y) = sum_c w_c p_c(y),   w = argmax_w sum_i log sum_c w_c p_c(y_i | all but y_i)

The weights maximise the held-out log score of the mixture itself (stacking), with a weak pull to
equal weights, so a mixture is about as good as its best member, or better than each where they
err in different places.

Source: Yao, Vehtari, Simpson and Gelman (2018), "Using stacking to average Bayesian predictive
distributions", Bayesian Analysis 13(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.mixture_posterior import MixturePosterior, components_of
from bonas.surrogates.model import BeliefModel
from bonas.surrogates.surrogate import Conditionable, HeldOutSurrogate, fitted, marginals

_PULL = 1.0  # pseudo-observations of each member: the pull to equal weights
_ROUNDS = 200


class Mixture(BeliefModel):
    """A weighted mixture of surrogates; fitted when constructed, unchanged afterwards.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Passed on to the members.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN; for the
            members that take them.
        members: What to mix: surrogates that tell their held-out log density; by default a process
            over choices and statistics, and one that also reads the embedding.

    Attributes:
        weights: One a member, summing to 1.
    """

    def __init__(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        layout: Layout,
        seed: int = 0,
        *,
        train_Yvar: Tensor | None = None,
        members: Sequence[HeldOutSurrogate] = (GraphGP, partial(GraphGP, embedding=True)),
    ) -> None:
        super().__init__()
        self.seed = seed
        self.layout = layout
        self.surrogates = tuple(members)
        self.members = [
            fitted(member, train_X, train_Y, train_Yvar, layout, seed) for member in members
        ]
        densities = [member.held_out_log_density() for member in self.members]
        self.weights = stacked_weights(torch.stack(densities))

    def conditioned(
        self, train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None
    ) -> Mixture:
        """A model of other data with the same weights, its members conditioned (or fitted anew)."""
        model: Mixture = self.__class__.__new__(self.__class__)
        BeliefModel.__init__(model)
        model.seed, model.layout, model.weights = self.seed, self.layout, self.weights
        model.surrogates = self.surrogates
        model.members = [
            member.conditioned(train_X, train_Y, train_Yvar)
            if isinstance(member, Conditionable)
            else fitted(surrogate, train_X, train_Y, train_Yvar, self.layout, self.seed)
            for member, surrogate in zip(self.members, self.surrogates, strict=True)
        ]
        return model

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances, ``N`` each, of the rows of ``pool`` (``N x d``), each by itself."""
        means, variances = zip(*(marginals(m, pool) for m in self.members), strict=True)
        mean = torch.tensordot(self.weights, torch.stack(means), dims=1)
        spread = torch.stack(variances) + (torch.stack(means) - mean).square()
        return mean, torch.tensordot(self.weights, spread, dims=1)

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        parts = [
            components_of(member.posterior(X, observation_noise=noisy)) for member in self.members
        ]
        means, covariances, inner = zip(*parts, strict=True)
        weights = torch.cat([w * part for w, part in zip(self.weights, inner, strict=True)])
        return MixturePosterior(torch.cat(means), torch.cat(covariances), weights, self.seed)

    def held_out_log_density(self) -> Tensor:
        """``n`` log densities of the mixture; its weights have seen the values."""
        densities = [member.held_out_log_density() for member in self.members]
        return torch.logsumexp(torch.stack(densities) + self.weights.log().unsqueeze(1), dim=0)


def stacked_weights(log_densities: Tensor) -> Tensor:
    """Weights of the best held-out log score, from ``members x n`` log densities.

    Expectation maximisation: each value votes for members in proportion to how well they predict.
    """
    members = len(log_densities)
    weights = torch.full((members,), 1 / members, dtype=log_densities.dtype)
    for _ in range(_ROUNDS):
        votes = torch.softmax(log_densities + weights.log().unsqueeze(1), dim=0).sum(1) + _PULL
        weights = votes / votes.sum()
    return weights
