"""The random forest as a surrogate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Layout
from bonas.surrogates import Surrogate, fit_forest
from bonas.testing import SurrogateContract

LAYOUT = Layout({"one": slice(0, 5)}, {})


class TestRandomForest(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_forest


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((40, 5)))
    noise = torch.from_numpy(rng.standard_normal((40, 1)))
    return X, 50.0 + 3.0 * X[:, :1] + 0.5 * noise


def test_the_mean_is_that_of_the_trees_and_the_variance_adds_what_leaves_hold(
    data: tuple[Tensor, Tensor],
) -> None:
    X, Y = data
    model = fit_forest(X[:30], Y[:30], LAYOUT, trees=20)
    z, sd = model.data.z.squeeze(1).numpy(), model.data.sd
    means, variances = np.zeros((20, 10)), np.zeros((20, 10))
    grown = zip(model.forest.estimators_, model.forest.estimators_samples_, strict=True)
    for t, (tree, drawn) in enumerate(grown):
        leaf_of = tree.apply(X[:30].numpy().astype(np.float32))
        for i, leaf in enumerate(tree.apply(X[30:].numpy().astype(np.float32))):
            inside = [z[j] for j in drawn if leaf_of[j] == leaf]
            means[t, i], variances[t, i] = np.mean(inside), np.var(inside)
    posterior = model.posterior(X[30:])
    expected = model.data.mean + sd * means.mean(0)
    np.testing.assert_allclose(posterior.mean.squeeze(1), expected, rtol=1e-6)
    expected = sd**2 * (means.var(0) + variances.mean(0) + 1e-6)
    np.testing.assert_allclose(posterior.variance.squeeze(1), expected, rtol=1e-6)


def test_out_of_bag_densities_are_around_scikit_learns_own_predictions(
    data: tuple[Tensor, Tensor],
) -> None:
    X, Y = data
    model = fit_forest(X, Y, LAYOUT, seed=3)
    z = model.data.z.squeeze(1).numpy()
    settings = model.forest.get_params() | {"oob_score": True}
    expected = RandomForestRegressor(**settings).fit(X.numpy(), np.round(z, 9)).oob_prediction_
    mean, variance = model._out_of_bag()
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    scale = torch.from_numpy(np.sqrt(variance) * model.data.sd)
    normal = Normal(model.data.mean + model.data.sd * torch.from_numpy(mean), scale)
    torch.testing.assert_close(model.loo_log_density(), normal.log_prob(Y.squeeze(1)))


def test_a_value_that_every_tree_has_seen_has_the_density_of_the_prior() -> None:
    model = fit_forest(torch.zeros(1, 5), torch.ones(1, 1), LAYOUT)
    expected = [-0.5 * math.log(2 * math.pi)]
    assert np.isfinite(model.loo_log_density().numpy()).all()
    assert model.loo_log_density().tolist() == pytest.approx(expected, abs=1e-6)


def test_architectures_that_share_a_leaf_deviate_from_its_mean_each_for_itself(
    data: tuple[Tensor, Tensor],
) -> None:
    X, Y = data
    covariances = fit_forest(X, Y, LAYOUT).posterior(X[:3].repeat(2, 1)).covariances
    assert float(covariances[:, 0, 1].abs().max()) == 0.0
    assert float(covariances[:, 0, 0].max()) > 0.01
    torch.testing.assert_close(covariances[:, 0, 3], covariances[:, 0, 0], rtol=0.0, atol=1e-4)


def test_the_forest_reads_no_prior_of_another_objective(data: tuple[Tensor, Tensor]) -> None:
    """Hide the values themselves in the other prior: reading it would give them away."""
    X, Y = data
    layout = Layout({"one": slice(0, 5)}, {}, (None, slice(5, 6)))
    wide = torch.cat([X, Y], dim=1)
    hidden = fit_forest(wide[:30], Y[:30], layout.for_objective(0))
    without = fit_forest(X[:30], Y[:30], LAYOUT)
    own = fit_forest(wide[:30], Y[:30], layout.for_objective(1))
    torch.testing.assert_close(hidden.posterior(wide[30:]).mean, without.posterior(X[30:]).mean)
    torch.testing.assert_close(hidden.loo_log_density(), without.loo_log_density())
    errors = [(model.posterior(wide[30:]).mean - Y[30:]).abs().mean() for model in (own, hidden)]
    assert float(errors[0]) < 0.7 * float(errors[1])


def test_equal_visible_columns_are_one_architecture_whatever_is_hidden(
    data: tuple[Tensor, Tensor],
) -> None:
    X, Y = data
    model = fit_forest(torch.cat([X, Y], dim=1), Y, LAYOUT)
    twins = torch.cat([X[[0, 0]], torch.tensor([[1.0], [2.0]]).double()], dim=1)
    covariances = model.posterior(twins).covariances
    torch.testing.assert_close(covariances[:, 0, 1], covariances[:, 0, 0], rtol=0.0, atol=1e-4)
