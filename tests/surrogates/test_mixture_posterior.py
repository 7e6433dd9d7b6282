"""Mixture posteriors: moments and joint samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.errors import InvalidArgument
from bonas.surrogates import (
    MixturePosterior,
)
from bonas.surrogates.mixture_posterior import allocate


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
