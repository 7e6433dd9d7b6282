"""Beliefs about a finite table of points, as BoTorch models whose inputs are row numbers.

The search picks from a finite pool, so a belief is computed once, for all its rows, and BoTorch's
acquisition functions look it up. ``X`` is ``batch_shape x q x 1`` row numbers everywhere.
"""

from __future__ import annotations

import torch
from botorch.posteriors.ensemble import EnsemblePosterior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from botorch.sampling.base import MCSampler
from botorch.sampling.get_sampler import GetSampler
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from torch import Tensor

from bonas.surrogates.model import BeliefModel


class _Table(BeliefModel):
    """A model over the rows of a table of ``m`` outputs."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self._outputs = outputs

    @property
    def num_outputs(self) -> int:
        return self._outputs


class Marginals(_Table):
    """Independent normal beliefs about ``N`` rows: ``mean`` and ``variance`` are ``N x m``."""

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        super().__init__(mean.shape[-1])
        self.mean = mean
        self.variance = variance

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        """The beliefs about single rows, ``q = 1``."""
        rows = X[..., 0].long()
        mean, variance = self.mean[rows], self.variance[rows]
        outputs = [
            MultivariateNormal(mean[..., j], variance[..., j].unsqueeze(-1))
            for j in range(self.num_outputs)
        ]
        if self.num_outputs == 1:
            return GPyTorchPosterior(outputs[0])
        return GPyTorchPosterior(MultitaskMultivariateNormal.from_independent_mvns(outputs))


class Draws(_Table):
    """``s`` joint samples of ``N`` rows: ``values`` is ``s x N x m``."""

    def __init__(self, values: Tensor) -> None:
        super().__init__(values.shape[-1])
        self.values = values

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        """The samples at the rows."""
        rows = X[..., 0].long()
        values = self.values[:, rows]  # s x batch x q x m
        return DrawsPosterior(values.movedim(0, -3))


class DrawsPosterior(EnsemblePosterior):
    """A belief that is a list of equally likely joint samples, ``batch_shape x s x q x m``."""


class DrawsSampler(MCSampler):
    """Takes the samples one after the other: sample ``i`` is draw ``i mod s`` at every point.

    BoTorch's ``IndexSampler`` draws the index anew for each batch element, which compares a
    candidate under one draw with the evaluated points under another.
    """

    def forward(self, posterior: Posterior) -> Tensor:
        """``sample_shape x batch_shape x q x m``."""
        assert isinstance(posterior, DrawsPosterior)
        s = posterior.values.shape[-3]
        index = torch.arange(self.sample_shape.numel(), device=posterior.device) % s
        samples = posterior.values.movedim(-3, 0)[index]
        return samples.reshape(*self.sample_shape, *samples.shape[1:])

    def _update_base_samples(self, posterior: Posterior, base_sampler: MCSampler) -> None:
        """Nothing to keep: there are no base samples."""


@GetSampler.register(DrawsPosterior)  # type: ignore[untyped-decorator]  # BoTorch's
def _sampler(
    posterior: DrawsPosterior, sample_shape: torch.Size, *, seed: int | None = None
) -> DrawsSampler:
    return DrawsSampler(sample_shape=sample_shape, seed=seed)


def rows(start: int, stop: int) -> Tensor:
    """Row numbers ``start`` to ``stop - 1`` as BoTorch inputs, ``n x 1``."""
    return torch.arange(start, stop, dtype=torch.float64).unsqueeze(-1)
