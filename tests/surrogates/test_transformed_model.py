"""A model and its outcome transform, together."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.surrogates import (
    GraphGP,
    Mixture,
    TransformedModel,
    fit_forest,
    fit_graph_gp,
    fit_mixture,
    fit_transformed,
)

LAYOUT = Layout({"block": slice(0, 2)}, {})


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    """Return encodings, and oriented latencies."""
    X = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return X, -torch.exp(X[:, 0])


@pytest.fixture(scope="module")
def latency(data: tuple[Tensor, Tensor]) -> TransformedModel:
    return fit_transformed(fit_graph_gp, *data, LAYOUT, 0, "logarithmic")


def test_the_model_is_fitted_to_transformed_values(
    latency: TransformedModel, data: tuple[Tensor, Tensor]
) -> None:
    X, y = data
    alone = fit_graph_gp(X, -torch.log(-y).unsqueeze(1), LAYOUT)
    assert isinstance(latency.model, GraphGP)
    assert latency.model.hyperparameters == pytest.approx(alone.hyperparameters)


def test_untransformed_samples_have_the_untransformed_median(
    latency: TransformedModel, data: tuple[Tensor, Tensor]
) -> None:
    """Count the samples below it, within five standard errors."""
    X, s = data[0][:3] + 0.3, 2_000
    samples = latency.untransformed_samples(X, s, seed=0)
    median, _ = latency.untransformed_marginals(X)
    assert samples.shape == (s, 3)
    assert bool((samples < 0).all())
    below = (samples <= median).double().mean(0)
    assert float((below - 0.5).abs().max()) < 5 * math.sqrt(0.25 / s)


def test_the_same_seed_draws_the_same_samples(
    latency: TransformedModel, data: tuple[Tensor, Tensor]
) -> None:
    one, two, other = (latency.sample(data[0], 4, seed) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_predictions_are_untransformed_posteriors_with_the_noise(
    latency: TransformedModel, data: tuple[Tensor, Tensor]
) -> None:
    """Compare with half the distance of the values one standard deviation from the median."""
    X, _ = data
    posterior: Any = latency.model.posterior(X, observation_noise=True)
    mean, sd = posterior.mean.squeeze(1), posterior.variance.squeeze(1).sqrt()
    median, spread = latency.predict(X)
    torch.testing.assert_close(median, -torch.exp(-mean))
    torch.testing.assert_close(spread, torch.exp(-mean) * torch.sinh(sd))
    _, without = latency.marginals(X)
    assert bool((sd.square() > without).all())


def test_values_of_extraordinary_size_are_predicted_in_their_unit(
    data: tuple[Tensor, Tensor],
) -> None:
    X, y = data
    large = fit_transformed(fit_graph_gp, X, 1e120 * y, LAYOUT, 0, "plain")
    ordinary = fit_transformed(fit_graph_gp, X, y, LAYOUT, 0, "plain")
    assert (large.outcome_transform.scale > 1e100, ordinary.outcome_transform.scale) == (True, 1.0)
    for one, other in zip(large.predict(X), ordinary.predict(X), strict=True):
        torch.testing.assert_close(one / 1e120, other)


def test_a_model_that_keeps_its_hyper_parameters_is_grown_and_any_other_is_fitted_anew(
    data: tuple[Tensor, Tensor],
) -> None:
    X, y = data
    for surrogate, grows in ((fit_graph_gp, True), (fit_forest, False)):
        first = fit_transformed(surrogate, X[:10], y[:10], LAYOUT, 0, "plain").model
        grown = fit_transformed(surrogate, X, y, LAYOUT, 0, "plain", grown_from=first).model
        afresh = fit_transformed(surrogate, X, y, LAYOUT, 0, "plain").model
        means = [each.posterior(X).mean for each in (grown, afresh)]  # type: ignore[attr-defined]  # all have it
        assert torch.equal(*means) is not grows
        if isinstance(first, GraphGP):
            assert isinstance(grown, GraphGP)
            assert grown.hyperparameters == first.hyperparameters


def test_variances_are_transformed_with_the_values(data: tuple[Tensor, Tensor]) -> None:
    X, y = data
    variance = torch.full_like(y, torch.nan)
    variance[2] = 4.0
    model = fit_transformed(fit_graph_gp, X, y, LAYOUT, 0, "logarithmic", variance).model
    assert isinstance(model, GraphGP)
    # d -log(-y) / dy = -1 / y
    expected = 4.0 / float(y[2]) ** 2 / model.data.sd**2
    assert float(model.data.noise[2]) == pytest.approx(expected)
    assert model.data.noise.isnan().sum() == 19


def test_a_mixture_has_the_weights_of_its_members_and_other_models_have_none(
    data: tuple[Tensor, Tensor], latency: TransformedModel
) -> None:
    mixed = fit_transformed(fit_mixture, *data, LAYOUT, 0, "plain")
    assert isinstance(mixed.model, Mixture)
    assert mixed.weights == mixed.model.weights.tolist()
    assert latency.weights == []
    forest = fit_transformed(fit_forest, *data, LAYOUT, 0, "plain")
    assert forest.weights == []
