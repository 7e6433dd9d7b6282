"""A weighted mixture of joint Gaussians: the posterior of every ensemble in bonas.

    f = f_c,   c ~ Categorical(weights),   f_c ~ N(mean_c, Sigma_c) over all q points together

Each Monte-Carlo sample stays with one component at every point of every batch. That is what makes
a joint sample joint: BoTorch's own ``EnsembleModel`` draws the member anew for each batch element,
so an acquisition function compares one member's candidate with another member's incumbents, and
finds improvement at points that were already evaluated.

Components get samples in proportion to their weights, without randomness in the counts.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from botorch.sampling.get_sampler import GetSampler
from botorch.sampling.normal import IIDNormalSampler, NormalMCSampler, SobolQMCNormalSampler
from linear_operator.utils.cholesky import psd_safe_cholesky
from torch import Tensor
from torch.quasirandom import SobolEngine

from bonas.errors import InvalidArgument


class MixturePosterior(Posterior):
    """The posterior of one objective at ``batch_shape x q`` points, with ``k`` components.

    Args:
        means: ``k x batch_shape x q``.
        covariances: ``k x batch_shape x q x q``.
        weights: ``k`` non-negative numbers that sum to 1.
        seed: Seed of the shuffle that assigns samples to components; posteriors of different
            objectives take different seeds, else their components would be correlated.
    """

    def __init__(self, means: Tensor, covariances: Tensor, weights: Tensor, seed: int = 0) -> None:
        if covariances.shape != (*means.shape, means.shape[-1]) or weights.shape != means.shape[:1]:
            raise InvalidArgument(
                "expected means k x batch x q, covariances k x batch x q x q and k weights, got "
                f"{tuple(means.shape)}, {tuple(covariances.shape)} and {tuple(weights.shape)}"
            )
        self.means = means
        self.covariances = covariances
        self.weights = weights
        self.seed = seed

    @property
    def device(self) -> torch.device:
        """The device of the means."""
        return self.means.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the means."""
        return self.means.dtype

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the batch of joint posteriors."""
        return self.means.shape[1:-1]

    @property
    def mean(self) -> Tensor:
        """The mean, ``batch_shape x q x 1``."""
        return self._average(self.means).unsqueeze(-1)

    @property
    def variance(self) -> Tensor:
        """The mean variance plus the variance of the means, ``batch_shape x q x 1``."""
        within = self.covariances.diagonal(dim1=-2, dim2=-1)
        spread = (self.means - self._average(self.means)).square()
        return self._average(within + spread).unsqueeze(-1)

    @property
    def base_sample_shape(self) -> torch.Size:
        """The shape of the standard normal numbers that make one sample."""
        return torch.Size([*self.batch_shape, self.means.shape[-1], 1])

    @property
    def batch_range(self) -> tuple[int, int]:
        """The batch dimensions of ``base_sample_shape``, over which base samples are shared."""
        return (0, -2)

    def _extended_shape(self, sample_shape: torch.Size = torch.Size()) -> torch.Size:  # noqa: B008
        return sample_shape + self.base_sample_shape

    def rsample(self, sample_shape: torch.Size | None = None) -> Tensor:
        """Draw ``sample_shape x batch_shape x q x 1`` joint samples."""
        shape = torch.Size([1]) if sample_shape is None else sample_shape
        base = torch.randn(self._extended_shape(shape), dtype=self.dtype, device=self.device)
        return self.rsample_from_base_samples(shape, base)

    def rsample_from_base_samples(self, sample_shape: torch.Size, base_samples: Tensor) -> Tensor:
        """Return ``sample_shape x batch_shape x q x 1`` samples from standard normal numbers."""
        s = sample_shape.numel()
        base = base_samples.expand(self._extended_shape(sample_shape))
        base = base.reshape(s, *self.base_sample_shape)
        samples = torch.empty_like(base)
        component_of = torch.from_numpy(allocate(self.weights.tolist(), s, self.seed))
        for c in range(len(self.weights)):
            chosen = component_of == c
            if chosen.any():
                noise = (self._roots[c] @ base[chosen]).squeeze(-1)
                samples[chosen] = (self.means[c] + noise).unsqueeze(-1)
        return samples.reshape(self._extended_shape(sample_shape))

    @cached_property
    def _roots(self) -> Tensor:
        """The Cholesky factors: samples at first points do not change when points are added."""
        root: Tensor = psd_safe_cholesky(self.covariances)
        return root

    def _average(self, values: Tensor) -> Tensor:
        average: Tensor = torch.tensordot(self.weights, values, dims=1)
        return average


def allocate(weights: list[float], n: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the component of each of ``n`` samples: counts by largest remainder, shuffled."""
    quotas = np.asarray(weights) * n
    counts = np.floor(quotas).astype(np.int64)
    most_left = np.argsort(counts - quotas, kind="stable")
    counts[most_left[: n - int(counts.sum())]] += 1
    components = np.repeat(np.arange(len(weights)), counts)
    return np.random.default_rng(seed).permutation(components)


def components_of(posterior: Posterior) -> tuple[Tensor, Tensor, Tensor]:
    """Return means, covariances and weights of a Gaussian or mixture posterior of one output.

    Raises:
        InvalidArgument: for any other posterior.
    """
    if isinstance(posterior, MixturePosterior):
        return posterior.means, posterior.covariances, posterior.weights
    if isinstance(posterior, GPyTorchPosterior):
        normal = posterior.distribution
        mean, covariance = normal.mean, normal.covariance_matrix
        return mean.unsqueeze(0), covariance.unsqueeze(0), torch.ones(1, dtype=mean.dtype)
    raise InvalidArgument(
        f"expected a Gaussian or mixture posterior, got {type(posterior).__name__}; "
        "a member of a mixture must return one of these"
    )


@GetSampler.register(MixturePosterior)  # type: ignore[untyped-decorator]  # BoTorch's
def _sampler(
    posterior: MixturePosterior, sample_shape: torch.Size, *, seed: int | None = None
) -> NormalMCSampler:
    """Return a sampler: quasi-random where Sobol sequences have enough dimensions."""
    if posterior.base_sample_shape[-2] <= SobolEngine.MAXDIM:
        return SobolQMCNormalSampler(sample_shape=sample_shape, seed=seed)
    return IIDNormalSampler(sample_shape=sample_shape, seed=seed)
