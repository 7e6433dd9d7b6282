"""What models can do beyond their posterior, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models import ModelList
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.errors import InvalidArgument
from bonas.surrogates import (
    Surrogate,
    fit,
    fit_deep_kernel,
    fit_forest,
    fit_gnn_ensemble,
    fit_graph_gp,
    fit_mixture,
)
from bonas.surrogates.model import (
    SupportsConditioning,
    SupportsLOO,
    SupportsMarginals,
    SupportsWeights,
    SurrogateModel,
    marginals,
)
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
def test_a_model_that_grew_predicts_as_one_made_at_once(surrogate: Surrogate) -> None:
    """Grow row by row, with the same pool in between; then condition on other rows."""
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


FITS = [fit_graph_gp, fit_gnn_ensemble, fit_mixture, fit_forest]


@pytest.fixture(scope="module", params=FITS, ids=lambda surrogate: surrogate.__name__)
def fitted(request: pytest.FixtureRequest) -> tuple[SurrogateModel, Tensor]:
    X, Y, layout = SurrogateContract().data(12)
    return fit(request.param, X, Y, layout, 0), X[:3]  # type: ignore[return-value]  # bonas's own


def test_all_outputs_may_be_asked_for_by_number(fitted: tuple[SurrogateModel, Tensor]) -> None:
    model, X = fitted
    named, plain = model.posterior(X, output_indices=[0]), model.posterior(X)
    torch.testing.assert_close(named.mean, plain.mean)  # type: ignore[attr-defined]  # all have it


@pytest.mark.parametrize("indices", [[], [1], [0, 0], [-1]])
def test_a_choice_of_outputs_is_refused(
    fitted: tuple[SurrogateModel, Tensor], indices: list[int]
) -> None:
    model, X = fitted
    with pytest.raises(InvalidArgument, match=r"expected output_indices None or \[0\], got"):
        model.posterior(X, output_indices=indices)


@pytest.mark.parametrize("noise", [torch.tensor(0.1), torch.tensor([[0.1]]), 1, None])
def test_noise_that_is_not_the_models_own_is_refused(
    fitted: tuple[SurrogateModel, Tensor], noise: Any
) -> None:
    model, X = fitted
    with pytest.raises(InvalidArgument, match="expected observation_noise True or False, got a"):
        model.posterior(X, observation_noise=noise)


def test_a_posterior_transform_is_applied(fitted: tuple[SurrogateModel, Tensor]) -> None:
    model, X = fitted
    negated: Any = model.posterior(X, posterior_transform=lambda found: -found.mean)  # type: ignore[arg-type,return-value]  # a function will do
    plain: Any = model.posterior(X)
    torch.testing.assert_close(negated, -plain.mean)


@pytest.mark.parametrize(
    ("surrogate", "supported"),
    [
        (fit_graph_gp, {SupportsConditioning, SupportsMarginals, SupportsLOO}),
        (
            fit_mixture,
            {SupportsConditioning, SupportsMarginals, SupportsLOO, SupportsWeights},
        ),
        (fit_gnn_ensemble, {SupportsLOO}),
        (fit_forest, {SupportsLOO}),
    ],
)
def test_what_each_model_can_do(surrogate: Surrogate, supported: set[type]) -> None:
    X, Y, layout = SurrogateContract().data(8)
    model = fit(surrogate, X, Y, layout, 0)
    every = {SupportsConditioning, SupportsMarginals, SupportsLOO, SupportsWeights}
    assert {protocol for protocol in every if isinstance(model, protocol)} == supported
