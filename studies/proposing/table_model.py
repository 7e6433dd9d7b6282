"""Posteriors of a finite table of points, as BoTorch models whose inputs are row numbers.

The search picks from a finite pool, so a posterior is computed once, for all its rows, and
BoTorch's acquisition functions look it up. ``X`` is ``batch_shape x q x 1`` row numbers everywhere.
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

from bonas.surrogates.model import SurrogateModel


class _TableModel(SurrogateModel):
    """A model over the rows of a table of ``m`` outputs."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self._outputs = outputs

    @property
    def num_outputs(self) -> int:
        """The number of outputs, ``m``."""
        return self._outputs


class NormalTable(_TableModel):
    """Independent normal posteriors of ``N`` rows: ``mean`` and ``variance`` are ``N x m``."""

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        super().__init__(mean.shape[-1])
        self.mean = mean
        self.variance = variance

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        """Look up the posteriors of single rows, ``q = 1``."""
        rows = X[..., 0].long()
        mean, variance = self.mean[rows], self.variance[rows]
        outputs = [
            MultivariateNormal(mean[..., j], variance[..., j].unsqueeze(-1))
            for j in range(self.num_outputs)
        ]
        if self.num_outputs == 1:
            return GPyTorchPosterior(outputs[0])
        return GPyTorchPosterior(MultitaskMultivariateNormal.from_independent_mvns(outputs))


class SampleTable(_TableModel):
    """``s`` joint samples of ``N`` rows: ``values`` is ``s x N x m``."""

    def __init__(self, values: Tensor) -> None:
        super().__init__(values.shape[-1])
        self.values = values

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        """Look up the samples at the rows."""
        rows = X[..., 0].long()
        values = self.values[:, rows]  # s x batch x q x m
        return SampleTablePosterior(values.movedim(0, -3))


class SampleTablePosterior(EnsemblePosterior):
    """A posterior that is a list of equally likely samples, ``batch_shape x s x q x m``."""


class SampleTableSampler(MCSampler):
    """Takes the samples in their order: sample ``i`` is row ``i mod s`` of the list at every point.

    BoTorch's ``IndexSampler`` draws the index anew for each batch element, which compares a
    candidate under one sample with the evaluated points under another.
    """

    def forward(self, posterior: Posterior) -> Tensor:
        """Return ``sample_shape x batch_shape x q x m`` samples."""
        assert isinstance(posterior, SampleTablePosterior)
        s = posterior.values.shape[-3]
        index = torch.arange(self.sample_shape.numel(), device=posterior.device) % s
        samples = posterior.values.movedim(-3, 0)[index]
        return samples.reshape(*self.sample_shape, *samples.shape[1:])

    def _update_base_samples(self, posterior: Posterior, base_sampler: MCSampler) -> None:
        """Do nothing: there are no base samples."""


@GetSampler.register(SampleTablePosterior)  # type: ignore[untyped-decorator]  # BoTorch's
def _sampler(
    posterior: SampleTablePosterior, sample_shape: torch.Size, *, seed: int | None = None
) -> SampleTableSampler:
    return SampleTableSampler(sample_shape=sample_shape, seed=seed)


def row_numbers(start: int, stop: int) -> Tensor:
    """Return the row numbers ``start`` to ``stop - 1`` as BoTorch inputs, ``n x 1``."""
    return torch.arange(start, stop, dtype=torch.float64).unsqueeze(-1)
