"""Mixture posteriors: moments and joint samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.torch import TorchPosterior
from botorch.sampling.get_sampler import get_sampler
from botorch.sampling.normal import IIDNormalSampler, SobolQMCNormalSampler
from gpytorch.distributions import MultivariateNormal
from torch.distributions import Normal

from bonas.errors import InvalidArgument
from bonas.surrogates import (
    MixturePosterior,
)
from bonas.surrogates.mixture_posterior import allocate, components_of


def test_a_mixture_posteriors_moments_are_those_of_the_mixture() -> None:
    # f is -1 or 3 (with weights 1/4 and 3/4), each with variance 0.5:
    # mean -1/4 + 9/4 = 2, variance 0.5 + 1/4 * 9 + 3/4 * 1 = 3.5
    means = torch.tensor([[-1.0], [3.0]], dtype=torch.float64)
    posterior = MixturePosterior(
        means,
        torch.full((2, 1, 1), 0.5, dtype=torch.float64),
        torch.tensor([0.25, 0.75], dtype=torch.float64),
    )
    assert float(posterior.mean) == pytest.approx(2.0)
    assert float(posterior.variance) == pytest.approx(3.5)


def test_components_get_samples_in_proportion_to_their_weights() -> None:
    for weights, n in (([0.5, 0.5], 7), ([0.9, 0.06, 0.04], 10), ([1.0], 3)):
        counts = np.bincount(allocate(weights, n, seed=0), minlength=len(weights))
        assert counts.sum() == n
        assert (np.abs(counts - n * np.array(weights)) < 1).all()


def test_samples_at_first_points_do_not_change_when_points_are_added() -> None:
    """Sample as BoTorch does, which caches samples of the baseline and adds candidates."""
    rng = np.random.default_rng(0)
    A = torch.from_numpy(rng.standard_normal((2, 5, 5)))
    full = MixturePosterior(A[..., 0], A @ A.transpose(1, 2), torch.tensor([0.5, 0.5]).double())
    part = MixturePosterior(full.means[:, :3], full.covariances[:, :3, :3], full.weights)
    base = torch.from_numpy(rng.standard_normal((16, 5, 1)))
    shape = torch.Size([16])
    torch.testing.assert_close(
        full.rsample_from_base_samples(shape, base)[:, :3],
        part.rsample_from_base_samples(shape, base[:, :3]),
    )


def test_a_mixture_of_wrong_shapes_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="expected means k x batch x q"):
        MixturePosterior(torch.zeros(2, 3), torch.zeros(2, 3, 2), torch.ones(2))


def _posterior(q: int = 3, *batch: int) -> MixturePosterior:
    """Return a posterior of two components at ``batch x q`` points."""
    means = torch.arange(2.0 * math.prod((*batch, q))).reshape(2, *batch, q).double()
    covariances = torch.eye(q, dtype=torch.float64).expand(2, *batch, q, q)
    return MixturePosterior(means, covariances, torch.tensor([0.5, 0.5]).double())


def test_shapes_are_those_of_botorch() -> None:
    posterior = _posterior(3, 4)
    assert posterior.batch_shape == (4,)
    assert posterior.mean.shape == posterior.variance.shape == (4, 3, 1)
    assert posterior.base_sample_shape == (4, 3, 1)
    assert posterior.rsample().shape == (1, 4, 3, 1)
    assert posterior.rsample(torch.Size([2, 5])).shape == (2, 5, 4, 3, 1)
    assert (posterior.dtype, posterior.device) == (torch.float64, torch.device("cpu"))


def test_a_sample_stays_with_its_component_at_every_point_of_every_batch() -> None:
    """Take components whose means are far apart: all values of a sample are near one of them."""
    means = torch.tensor([-100.0, 100.0]).reshape(2, 1, 1).expand(2, 4, 3).double()
    covariances = torch.eye(3, dtype=torch.float64).expand(2, 4, 3, 3)
    posterior = MixturePosterior(means, covariances, torch.tensor([0.25, 0.75]).double())
    samples = posterior.rsample(torch.Size([40])).reshape(40, -1)
    signs = samples.sign()
    assert bool((signs == signs[:, :1]).all())
    assert int((signs[:, 0] < 0).sum()) == 10


def test_other_seeds_give_samples_to_other_components() -> None:
    orders = {tuple(allocate([0.5, 0.5], 20, seed=seed)) for seed in range(5)}
    assert len(orders) == 5


def test_quasi_random_numbers_are_used_where_there_are_enough_dimensions() -> None:
    few = get_sampler(_posterior(3), torch.Size([4]), seed=0)
    many = get_sampler(
        MixturePosterior(
            torch.zeros(1, 21_202), torch.zeros(1, 1, 1).expand(1, 21_202, 21_202), torch.ones(1)
        ),
        torch.Size([4]),
        seed=0,
    )
    assert isinstance(few, SobolQMCNormalSampler)
    assert isinstance(many, IIDNormalSampler)


def test_a_gaussian_posterior_is_one_component() -> None:
    normal = MultivariateNormal(torch.ones(3).double(), 2 * torch.eye(3).double())
    means, covariances, weights = components_of(GPyTorchPosterior(normal))
    assert means.tolist() == [[1.0] * 3]
    assert torch.equal(covariances[0], 2 * torch.eye(3).double())
    assert weights.tolist() == [1.0]


def test_any_other_posterior_is_refused_as_a_member() -> None:
    other = TorchPosterior(Normal(torch.zeros(3, 1), 1.0))
    with pytest.raises(InvalidArgument, match=r"expected a Gaussian or mixture .* TorchPosterior"):
        components_of(other)
