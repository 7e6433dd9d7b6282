"""Screening and acquisition against closed forms and sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from torch import Tensor
from torch.distributions import Normal

from bonas.studies.proposing import acquisition as module
from bonas.studies.proposing.acquisition import (
    improvement_with_known,
    noisy_improvement,
    screening,
    thompson,
)


def _closed_form_improvement(mean: Tensor, sd: Tensor, best: float) -> Tensor:
    z = (mean - best) / sd
    normal = Normal(torch.zeros_like(z), 1.0)
    return sd * (z * normal.cdf(z) + normal.log_prob(z).exp())


def test_screening_one_objective_is_the_log_of_expected_improvement() -> None:
    mean = torch.linspace(-1, 2, 9, dtype=torch.float64).unsqueeze(1)
    variance = torch.linspace(0.1, 1.5, 9, dtype=torch.float64).unsqueeze(1)
    known = torch.tensor([[0.3], [-2.0]], dtype=torch.float64)
    scores = screening(mean, variance, known, torch.zeros(1).double())
    expected = _closed_form_improvement(mean, variance.sqrt(), 0.3).log().squeeze(1)
    torch.testing.assert_close(scores, expected)


def test_screening_two_objectives_is_the_expected_hypervolume_improvement() -> None:
    """Compare with sampling, within five standard errors."""
    known = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    reference_point = torch.tensor([-1.0, -1.0], dtype=torch.float64)
    mean = torch.tensor([[0.5, 0.5], [1.2, -0.5]], dtype=torch.float64)
    variance = torch.tensor([[0.2, 0.3], [0.05, 0.4]], dtype=torch.float64)
    scores = screening(mean, variance, known, reference_point)
    hypervolume = Hypervolume(reference_point)
    before = hypervolume.compute(known)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((2_000, 2, 2)))
    samples = mean + variance.sqrt() * noise
    for i in range(2):
        gains = torch.tensor([_volume(hypervolume, known, s) - before for s in samples[:, i]])
        error = float(gains.std()) / math.sqrt(len(gains))
        assert abs(float(gains.mean()) - float(scores[i])) < 5 * error


def _volume(hypervolume: Hypervolume, known: Tensor, point: Tensor) -> float:
    together = torch.cat([known, point.unsqueeze(0)])
    dominated = [bool(((together >= p).all(1) & (together > p).any(1)).any()) for p in together]
    return hypervolume.compute(together[[not d for d in dominated]])


def test_the_acquisition_agrees_with_sampling_for_one_objective() -> None:
    rng = np.random.default_rng(0)
    samples = torch.from_numpy(rng.standard_normal((512, 12, 1)))
    scores = noisy_improvement(samples, 4, torch.zeros(1).double())
    best = samples[:, :4, 0].max(1, keepdim=True).values
    expected = (samples[:, 4:, 0] - best).clamp_min(0.0).mean(0)
    assert scores.shape == (8,)
    torch.testing.assert_close(scores.exp(), expected, rtol=0.05, atol=0.01)
    assert int(scores.argmax()) == int(expected.argmax())


def test_pending_points_lower_the_scores_of_their_twins() -> None:
    """Add a candidate that behaves just like a pending point: it has nothing left to add."""
    rng = np.random.default_rng(1)
    samples = torch.from_numpy(rng.standard_normal((256, 6, 2)))
    samples[:, 3] = samples[:, 2]  # candidate 3 is the twin of known point 2
    scores = noisy_improvement(samples, 3, torch.tensor([-4.0, -4.0]).double())
    assert int(scores.argmin()) == 0
    assert float(scores[0]) < 0.01 * float(scores[1:].min())


@pytest.mark.parametrize("m", [1, 2])
def test_thompson_sampling_looks_at_the_first_sample_alone(m: int) -> None:
    samples = torch.from_numpy(np.random.default_rng(2).standard_normal((16, 9, m)))
    below = torch.full((m,), -5.0).double()
    scores = thompson(samples, 4, below)
    torch.testing.assert_close(scores, noisy_improvement(samples[:1], 4, below))
    others = samples.clone()
    others[1:] = 0.0
    assert torch.equal(thompson(others, 4, below), scores)


@pytest.mark.parametrize("m", [1, 2])
def test_candidates_are_screened_alike_in_chunks_of_any_size(
    m: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    mean, variance = (torch.from_numpy(rng.uniform(0.1, 1.0, (7, m))) for _ in range(2))
    known, below = mean[:2] - 0.05, torch.zeros(m).double()
    together = screening(mean, variance, known, below)
    monkeypatch.setattr(module, "_CHUNK", 3)
    torch.testing.assert_close(screening(mean, variance, known, below), together)


def test_a_candidate_without_variance_is_scored_by_its_mean() -> None:
    mean = torch.tensor([[0.5], [2.0]], dtype=torch.float64)
    scores = screening(mean, torch.zeros_like(mean), torch.ones(1, 1).double(), torch.zeros(1))
    assert float(scores[1].exp()) == pytest.approx(1.0, abs=1e-3)
    assert float(scores[0].exp()) < 1e-6


def _steps_by_hand(mu: float, sd: float, cost: float, front: Tensor, below: Tensor) -> float:
    """Return the expected improvement of a point of known second value, step by step of a front.

    ``front`` is sorted by falling second value. Over each step of the front, the width that the
    value leaves times the expected improvement over the step's height.
    """
    highs = [math.inf, *front[:, 1].tolist()]
    heights = [float(below[0]), *front[:, 0].tolist()]
    lows = [*front[:, 1].tolist(), float(below[1])]
    total = 0.0
    for low, high, height in zip(lows, highs, heights, strict=True):
        width = max(0.0, min(cost, high) - low)
        one = torch.tensor([[mu]], dtype=torch.float64)
        total += width * float(_closed_form_improvement(one, torch.full_like(one, sd), height))
    return total


def test_with_one_unknown_objective_improvement_is_a_sum_over_the_steps_of_the_front() -> None:
    front = torch.tensor([[0.1, 1.5], [0.6, 0.7], [1.4, -0.2]], dtype=torch.float64)
    below = torch.tensor([-1.0, -1.0], dtype=torch.float64)
    mean = torch.tensor([[0.5, 1.0], [2.0, -0.9], [0.0, 2.5], [0.5, -1.5]], dtype=torch.float64)
    variance = torch.tensor([[0.3, 0.0]], dtype=torch.float64).expand(4, 2)
    scores = improvement_with_known(mean, variance, front, below)
    expected = [_steps_by_hand(mu, 0.3**0.5, y, front, below) for mu, y in mean.tolist()]
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64))
    assert scores[3] == 0.0  # below the reference point


@pytest.mark.parametrize("m", [2, 3])
def test_improvement_with_known_values_is_that_of_a_tiny_variance(m: int) -> None:
    """BoTorch's closed form, which needs a variance, comes to the same."""
    rng = np.random.default_rng(m)
    known = torch.from_numpy(rng.standard_normal((12, m)))
    mean = torch.from_numpy(rng.standard_normal((40, m)))
    variance = torch.from_numpy(rng.uniform(0.05, 0.5, (40, m)))
    variance[torch.from_numpy(rng.random((40, m)) < 0.5)] = 0.0
    below = torch.full((m,), -2.0, dtype=torch.float64)
    scores = improvement_with_known(mean, variance, known, below)
    theirs = screening(mean, variance.clamp_min(1e-12), known, below)
    torch.testing.assert_close(scores, theirs, rtol=1e-4, atol=2e-5)


def test_improvement_with_known_values_agrees_with_sampling() -> None:
    """Within five standard errors, for three objectives of which one is known."""
    rng = np.random.default_rng(5)
    known = torch.tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 0.2]], dtype=torch.float64)
    below, mean = torch.full((3,), -1.0).double(), torch.tensor([[0.4, 0.6, 0.9]]).double()
    variance = torch.tensor([[0.2, 0.3, 0.0]], dtype=torch.float64)
    (score,) = improvement_with_known(mean, variance, known, below).tolist()
    hypervolume = Hypervolume(below)
    noise = torch.from_numpy(rng.standard_normal((2_000, 3)))
    samples = mean + variance.sqrt() * noise
    before = hypervolume.compute(known)
    gains = torch.tensor([_volume(hypervolume, known, sample) - before for sample in samples])
    assert abs(float(gains.mean()) - score) < 5 * float(gains.std()) / math.sqrt(len(gains))
