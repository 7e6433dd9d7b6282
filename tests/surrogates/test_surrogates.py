"""Every surrogate keeps the contract; and what each promises beyond it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.models import ModelList
from botorch.models.ensemble import EnsembleModel
from botorch.posteriors.ensemble import EnsemblePosterior
from botorch.sampling.get_sampler import get_sampler
from botorch.utils.multi_objective.hypervolume import Hypervolume
from gpytorch.distributions import MultivariateNormal
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Layout
from bonas.errors import FitFailed, InvalidArgument
from bonas.studies.proposing.table_model import Draws, DrawsSampler, rows
from bonas.surrogates import (
    DeepKernelGP,
    GNNEnsemble,
    GraphGP,
    Mixture,
    MixturePosterior,
    Surrogate,
)
from bonas.surrogates.graph_gp import _negative_log_likelihood
from bonas.surrogates.kernel import BlockKernel
from bonas.surrogates.mixture import stacked_weights
from bonas.surrogates.mixture_posterior import allotted
from bonas.surrogates.surrogate import Conditionable, marginals
from bonas.testing import SurrogateContract


class TestGraphGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return GraphGP


class TestGNNEnsemble(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return GNNEnsemble


class TestDeepKernelGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return DeepKernelGP


class TestMixture(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return Mixture


LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


TERMS = (("one", "smooth"), ("two", "rough"), ("one", "rough"))


def test_the_kernel_is_the_formula_at_its_head() -> None:
    kernel = BlockKernel(LAYOUT, TERMS)
    x, z = _points(2)
    values = [0.1, -0.3, 0.3, 0.2, 0.4, -0.2, -0.5, 0.3, 0.6]
    theta = torch.tensor(values, dtype=torch.float64)
    s1, s2, s3, l1, l2, l3, sp, lr, lk = theta.exp().tolist()

    def squared(columns: slice) -> float:
        return float((x[columns] - z[columns]).square().sum())

    one, two = squared(slice(0, 2)), squared(slice(2, 5))
    blocks = s1 * math.exp(-one / (2 * l1**2)) + s2 * math.exp(-math.sqrt(two) / l2)
    blocks += s3 * math.exp(-math.sqrt(one) / l3)
    others = math.exp(-squared(slice(5, 6)) / (2 * lr**2) - squared(slice(6, 8)) / (2 * lk**2))
    distances = kernel.distances(x.unsqueeze(0), z.unsqueeze(0))
    assert float(kernel.matrix(theta, distances)) == pytest.approx(others * (blocks + sp))
    assert float(kernel.diagonal(theta, x)) == pytest.approx(s1 + s2 + s3 + sp)
    assert len(kernel.names) == len(theta)


@pytest.mark.parametrize(
    ("terms", "said"), [([("three", "smooth")], "no block 'three'"), ([("one", "flat")], "flat")]
)
def test_a_kernel_over_nothing_is_refused(terms: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        BlockKernel(LAYOUT, terms)


@pytest.mark.parametrize(
    "kernel",
    [
        BlockKernel(LAYOUT, (("one", "smooth"), ("two", "smooth"))),
        BlockKernel(LAYOUT, TERMS),
        BlockKernel(Layout(LAYOUT.architecture, {}), TERMS),
        BlockKernel(Layout({}, LAYOUT.parameters), ()),
    ],
    ids=["smooth", "smooth and rough", "architecture only", "parameters only"],
)
def test_the_written_out_gradient_is_that_of_autograd(kernel: BlockKernel) -> None:
    X = _points(7)
    z = torch.from_numpy(np.random.default_rng(1).standard_normal((7, 1)))
    distances = kernel.distances(X, X)
    point = torch.linspace(-0.4, 0.5, len(kernel.names) + 1, dtype=torch.float64)
    known = torch.full((7,), torch.nan, dtype=torch.float64)
    known[2] = 0.3  # the variance of one value is known, and not fitted
    value, gradient = _negative_log_likelihood(kernel, distances, z, known, point)

    point.requires_grad_()
    K = kernel.matrix(point[:-1], distances)
    noise = torch.where(known.isnan(), point[-1].exp(), known)
    K = K + torch.diag(noise + 1e-6)
    density = MultivariateNormal(torch.zeros(7, dtype=torch.float64), K).log_prob(z.squeeze(1))
    (expected,) = torch.autograd.grad(-density, point)
    assert value == pytest.approx(-density.item() - 3.5 * math.log(2 * math.pi), rel=1e-6)
    np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-6, atol=1e-8)


def test_kernel_matrices_are_positive_semidefinite() -> None:
    kernel = BlockKernel(LAYOUT, TERMS)
    for seed in range(20):
        X = _points(15, seed)
        theta = 2 * torch.from_numpy(np.random.default_rng(seed).standard_normal(9))
        K = kernel.matrix(theta, kernel.distances(X, X))
        assert float(torch.linalg.eigvalsh(K).min()) > -1e-9 * float(K.diagonal().max())


def test_the_gp_posterior_is_the_textbook_formula() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = X[:, :1] + 2.0
    gp = GraphGP(X, Y, LAYOUT)
    kernel, theta = gp.kernel, gp.theta
    noise = math.exp(gp.log_noise) + 1e-6
    Kxx = kernel.matrix(theta, kernel.distances(X, X)) + noise * torch.eye(9, dtype=torch.float64)
    Kzx = kernel.matrix(theta, kernel.distances(Z, X))
    Kzz = kernel.matrix(theta, kernel.distances(Z, Z))
    y = (Y - Y.mean()) / Y.std(correction=0)
    mean = Y.mean() + Y.std(correction=0) * (Kzx @ torch.linalg.inv(Kxx) @ y)
    covariance = Y.var(correction=0) * (Kzz - Kzx @ torch.linalg.inv(Kxx) @ Kzx.T)
    posterior = gp.posterior(Z)
    torch.testing.assert_close(posterior.mean, mean)
    torch.testing.assert_close(
        posterior.distribution.covariance_matrix, covariance, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("surrogate", [GraphGP, DeepKernelGP, GNNEnsemble, Mixture])
def test_marginals_are_those_of_the_posterior(surrogate: Surrogate) -> None:
    X, Y, layout = SurrogateContract().data(30)
    model = surrogate(X[:20], Y[:20], layout, seed=0)
    mean, variance = marginals(model, X)
    posterior = model.posterior(X.unsqueeze(1))
    torch.testing.assert_close(mean, posterior.mean.reshape(-1), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(variance, posterior.variance.reshape(-1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("surrogate", [GraphGP, DeepKernelGP, Mixture])
def test_a_model_that_grew_believes_what_one_made_at_once_does(surrogate: Surrogate) -> None:
    """Row by row, asked about the same pool in between; and about data that are not its own."""
    X, Y, layout = SurrogateContract().data(40)
    pool = X[20:].clone()
    start = grown = surrogate(X[:20], Y[:20], layout, seed=0)
    assert isinstance(grown, Conditionable)
    for n in (20, 21, 22, 25, 30):
        grown = grown.conditioned(X[:n], Y[:n])
        marginals(grown, pool)
    at_once = start.conditioned(X[:30], Y[:30])
    for one, other in zip(marginals(grown, pool), marginals(at_once, pool), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        grown.posterior(pool).mean, at_once.posterior(pool).mean, rtol=1e-9, atol=1e-9
    )
    other_rows = grown.conditioned(X[10:30], Y[10:30])
    fresh = start.conditioned(X[10:30], Y[10:30])
    torch.testing.assert_close(
        marginals(other_rows, pool)[0], marginals(fresh, pool)[0], rtol=1e-9, atol=1e-9
    )


def test_values_whose_variance_is_known_get_that_noise() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = X[:, :1] + 2.0
    variances = torch.full((9, 1), torch.nan, dtype=torch.float64)
    variances[3], variances[5] = 4.0, 0.0
    gp = GraphGP(X, Y, LAYOUT, train_Yvar=variances)
    sd2 = float(Y.var(correction=0))
    noise = torch.full((9,), math.exp(gp.log_noise), dtype=torch.float64)
    noise[3], noise[5] = 4.0 / sd2, 0.0
    kernel, theta = gp.kernel, gp.theta
    Kxx = kernel.matrix(theta, kernel.distances(X, X)) + torch.diag(noise + 1e-6)
    Kzx = kernel.matrix(theta, kernel.distances(Z, X))
    y = (Y - Y.mean()) / math.sqrt(sd2)
    mean = Y.mean() + math.sqrt(sd2) * (Kzx @ torch.linalg.inv(Kxx) @ y)
    torch.testing.assert_close(gp.posterior(Z).mean, mean)
    grown = GraphGP(X[:6], Y[:6], LAYOUT, train_Yvar=variances[:6])
    grown = grown.conditioned(X, Y, variances)
    at_once = grown.conditioned(X[:1], Y[:1]).conditioned(X, Y, variances)
    torch.testing.assert_close(grown.posterior(Z).mean, at_once.posterior(Z).mean)


def test_a_mixture_passes_variances_on_to_members_that_take_them() -> None:
    X, Y, layout = SurrogateContract().data(24)
    loud = torch.full_like(Y, float(100 * Y.var()))
    mixed = Mixture(X, Y, layout, train_Yvar=loud, members=(GraphGP, GNNEnsemble))
    alone = GraphGP(X, Y, layout, train_Yvar=loud)
    torch.testing.assert_close(mixed.members[0].posterior(X).mean, alone.posterior(X).mean)
    assert float(alone.posterior(X).mean.std()) < 0.2 * float(Y.std())


def test_negative_variances_are_refused() -> None:
    X, Y, layout = SurrogateContract().data(5)
    with pytest.raises(FitFailed, match="none negative"):
        GraphGP(X, Y, layout, train_Yvar=-torch.ones_like(Y))


def test_conditioning_keeps_the_hyper_parameters_and_fits_the_values() -> None:
    X, Y, layout = SurrogateContract().data(30)
    first = GraphGP(X[:15], Y[:15], layout)
    model = first.conditioned(X, Y)
    assert model.hyperparameters == first.hyperparameters
    assert float((model.posterior(X).mean - Y).abs().max()) < float(Y.std())
    assert model.held_out_log_density().shape == (30,)


def test_the_gps_leave_one_out_density_is_that_of_a_gp_without_the_value() -> None:
    X, Y = _points(8), _points(8, seed=3)[:, :1]
    gp = GraphGP(X, Y, LAYOUT)
    densities = gp.held_out_log_density()
    kernel, theta, data = gp.kernel, gp.theta, gp.data
    K = kernel.matrix(theta, kernel.distances(X, X))
    noise = math.exp(gp.log_noise) + 1e-6
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        S = K[rest][:, rest] + noise * torch.eye(7, dtype=torch.float64)
        k = K[i, rest]
        mean = float(k @ torch.linalg.solve(S, data.z[rest, 0]))
        variance = float(K[i, i] + noise - k @ torch.linalg.solve(S, k))
        expected = Normal(data.mean + data.sd * mean, data.sd * math.sqrt(variance))
        assert float(densities[i]) == pytest.approx(float(expected.log_prob(Y[i])), rel=1e-6)


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


def test_samples_are_shared_out_in_proportion() -> None:
    for weights, n in (([0.5, 0.5], 7), ([0.9, 0.06, 0.04], 10), ([1.0], 3)):
        counts = np.bincount(allotted(weights, n, seed=0), minlength=len(weights))
        assert counts.sum() == n
        assert (np.abs(counts - n * np.array(weights)) < 1).all()


def test_samples_at_first_points_do_not_change_when_points_are_added() -> None:
    """BoTorch caches samples of the baseline and adds candidates: these must fit together."""
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


def test_stacking_follows_the_better_member() -> None:
    good = Normal(0.0, 1.0).log_prob(torch.linspace(-1, 1, 200).double())
    weights = stacked_weights(torch.stack([good, good - 3.0]))
    assert float(weights[0]) > 0.95
    assert float(weights.sum()) == pytest.approx(1.0)


def test_stacking_maximises_the_mixtures_own_score() -> None:
    rng = np.random.default_rng(0)
    densities = torch.from_numpy(rng.standard_normal((2, 400)))

    def score(w: float) -> float:
        logs = torch.tensor([[w], [1 - w]]).double().log()
        pull = math.log(w) + math.log(1 - w)  # one pseudo-observation of each member
        return float(torch.logsumexp(densities + logs, 0).sum()) + pull

    found = float(stacked_weights(densities)[0])
    best = max(np.linspace(0.01, 0.99, 99), key=score)
    assert score(found) >= score(float(best)) - 1e-3


def test_two_bad_halves_make_a_good_mixture() -> None:
    """Each member knows one half of the values: equal weights, better than either."""
    knows = torch.tensor([[0.0] * 50 + [-8.0] * 50, [-8.0] * 50 + [0.0] * 50]).double()
    weights = stacked_weights(knows)
    assert weights.tolist() == pytest.approx([0.5, 0.5], abs=1e-6)


class _Members(EnsembleModel):
    """A stock BoTorch ensemble over the rows of a table, ``members x N x m``."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values = values
        self._num_outputs = values.shape[-1]

    def forward(self, X: Tensor) -> Tensor:
        return self.values[:, X[..., 0].long()].movedim(0, -3)


def _exact_improvement(values: Tensor, n: int, reference_point: Tensor) -> Tensor:
    """The expected hypervolume improvement of each candidate, member by member."""
    hypervolume = Hypervolume(reference_point)
    gains = torch.zeros(len(values), values.shape[1], dtype=torch.float64)
    for member, candidate in itertools.product(range(len(values)), range(values.shape[1])):
        known = values[member, :n]
        before = hypervolume.compute(_front(known))
        after = hypervolume.compute(_front(torch.cat([known, values[member, [candidate]]])))
        gains[member, candidate] = after - before
    return gains.mean(0)


def _front(values: Tensor) -> Tensor:
    dominated = (values.unsqueeze(0) >= values.unsqueeze(1)).all(-1) & (
        values.unsqueeze(0) > values.unsqueeze(1)
    ).any(-1)
    return values[~dominated.any(1)]


def test_a_stock_ensemble_finds_improvement_where_there_is_none_and_joint_draws_do_not() -> None:
    """The fault that ``Draws`` mends: a stock ensemble finds improvement where there is none."""
    members, known, candidates = 8, 12, 10
    reference_point = torch.tensor([-3.0, -3.0], dtype=torch.float64)
    stock_errors, own_errors = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        values = torch.from_numpy(rng.standard_normal((members, known + candidates, 2)))
        exact = _exact_improvement(values, known, reference_point)
        baseline, everything = rows(0, known), rows(0, known + candidates).unsqueeze(1)
        sampler = DrawsSampler(sample_shape=torch.Size([members]))
        own = qLogNoisyExpectedHypervolumeImprovement(
            Draws(values), reference_point, baseline, sampler=sampler, cache_root=False
        )(everything).exp()
        stock_model = _Members(values)
        stock_sampler = get_sampler(stock_model.posterior(baseline), torch.Size([64]), seed=seed)
        stock = qLogNoisyExpectedHypervolumeImprovement(
            stock_model, reference_point, baseline, sampler=stock_sampler, cache_root=False
        )(everything).exp()
        own_errors.append(float((own - exact).abs().max()))
        stock_errors.append(float(stock[:known].max()))
        assert int(own.argmax()) == int(exact.argmax())
    assert max(own_errors) < 0.01  # BoTorch smooths the improvement
    assert max(stock_errors) > 0.1  # promised at points that were already evaluated


@pytest.mark.parametrize("surrogate", [GraphGP, GNNEnsemble, Mixture])
def test_botorchs_qlognehvi_runs_on_models_and_finds_little_at_evaluated_points(
    surrogate: Surrogate,
) -> None:
    X, Y, layout = SurrogateContract().data(30)
    models = [
        surrogate(X[:20], y, layout, seed=i) for i, y in enumerate((Y[:20], -Y[:20] + X[:20, :1]))
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


def test_draws_come_in_order_for_every_batch() -> None:
    values = torch.arange(24, dtype=torch.float64).reshape(3, 4, 2)  # 3 draws of 4 rows
    posterior = Draws(values).posterior(rows(0, 4).unsqueeze(1))
    assert isinstance(posterior, EnsemblePosterior)
    samples = DrawsSampler(sample_shape=torch.Size([5]))(posterior)
    assert samples.shape == (5, 4, 1, 2)
    for i in range(5):
        torch.testing.assert_close(samples[i, :, 0], values[i % 3])


def test_the_gnn_ensemble_needs_its_block() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn'"):
        GNNEnsemble(_points(4), _points(4)[:, :1], LAYOUT)


def test_the_gnn_ensemble_needs_columns_that_divide() -> None:
    layout = Layout({"gnn": slice(0, 7)}, {})
    with pytest.raises(InvalidArgument, match="7 columns"):
        GNNEnsemble(_points(4), _points(4)[:, :1], layout)
