"""What models can do beyond their posterior, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models import ModelList
from botorch.sampling.get_sampler import get_sampler

from bonas.surrogates import (
    Surrogate,
    fit,
    fit_deep_kernel,
    fit_gnn_ensemble,
    fit_graph_gp,
    fit_mixture,
)
from bonas.surrogates.model import SupportsConditioning, marginals
from bonas.testing import SurrogateContract


@pytest.mark.parametrize(
    "surrogate", [fit_graph_gp, fit_deep_kernel, fit_gnn_ensemble, fit_mixture]
)
def test_marginals_are_those_of_the_posterior(surrogate: Surrogate) -> None:
    X, Y, layout = SurrogateContract().data(30)
    model = fit(surrogate, X[:20], Y[:20], layout, 0)
    mean, variance = marginals(model, X)
    posterior = model.posterior(X.unsqueeze(1))
    torch.testing.assert_close(mean, posterior.mean.reshape(-1), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(variance, posterior.variance.reshape(-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("surrogate", [fit_graph_gp, fit_deep_kernel, fit_mixture])
def test_a_model_that_grew_believes_what_one_made_at_once_does(surrogate: Surrogate) -> None:
    """Row by row, asked about the same pool in between; and about data that are not its own."""
    X, Y, layout = SurrogateContract().data(40)
    pool = X[20:].clone()
    start = grown = fit(surrogate, X[:20], Y[:20], layout, 0)
    assert isinstance(grown, SupportsConditioning)
    for n in (20, 21, 22, 25, 30):
        grown = grown.condition_on(X[:n], Y[:n])
        marginals(grown, pool)
    at_once = start.condition_on(X[:30], Y[:30])
    for one, other in zip(marginals(grown, pool), marginals(at_once, pool), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        grown.posterior(pool).mean, at_once.posterior(pool).mean, rtol=1e-9, atol=1e-9
    )
    other_rows = grown.condition_on(X[10:30], Y[10:30])
    fresh = start.condition_on(X[10:30], Y[10:30])
    torch.testing.assert_close(
        marginals(other_rows, pool)[0], marginals(fresh, pool)[0], rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("surrogate", [fit_graph_gp, fit_gnn_ensemble, fit_mixture])
def test_botorchs_qlognehvi_runs_on_models_and_finds_little_at_evaluated_points(
    surrogate: Surrogate,
) -> None:
    X, Y, layout = SurrogateContract().data(30)
    models = [
        fit(surrogate, X[:20], y, layout, i) for i, y in enumerate((Y[:20], -Y[:20] + X[:20, :1]))
    ]
    model = ModelList(*models)
    sampler = get_sampler(model.posterior(X[:2]), torch.Size([64]), seed=0)
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model, torch.tensor([30.0, -70.0]), X[:20], sampler=sampler, cache_root=False
    )
    with torch.no_grad():
        values = acquisition(X.unsqueeze(1))
    assert values.shape == (30,)
    assert bool(values.isfinite().all())
    assert float(values[:20].mean()) < float(values[20:].max())
