"""Gaussian processes over final values and lower fidelities: posterior, growth, left-out values."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import FitFailed
from bonas.surrogates import CoregionalisedGP, GraphGP, LowerFidelity, fit_graph_gp, fit_mixture
from bonas.surrogates.graph_gp import JITTER
from bonas.surrogates.training_data import standardise
from tests.surrogates.partial_trainings import EXPECTED, LAYOUT, Trainings, trainings

BOTH = pytest.mark.parametrize("layout", [LAYOUT, EXPECTED], ids=["nothing expected", "expected"])


def _fitted(given: Trainings, layout: Layout = LAYOUT) -> CoregionalisedGP:
    model = fit_graph_gp(given.X, given.Y, layout, lower=given.lower)
    assert isinstance(model, CoregionalisedGP)
    return model


def _first(given: Trainings, n: int, k: int) -> tuple[Tensor, Tensor, None, LowerFidelity]:
    lower = given.lower
    own = torch.where(lower.final < n, lower.final, -1)[:k]
    return given.X[:n], given.Y[:n], None, replace(lower, X=lower.X[:k], Y=lower.Y[:k], final=own)


def _dense(model: CoregionalisedGP, unseen: Tensor) -> tuple[Tensor, Tensor]:
    """Condition a dense joint Gaussian of all rows and of final values at unseen points."""
    B = model.kernel.outputs(model.theta)
    base, theta = model.kernel.base, model.theta[: len(model.kernel.base.names)]
    X = torch.cat([model.data.X[:, :-1], unseen])
    outputs = torch.cat([model.stacked.output, torch.zeros(len(unseen), dtype=torch.long)])
    K = torch.empty(len(X), len(X), dtype=torch.float64)
    for a in range(len(X)):
        for b in range(len(X)):
            k = base.covariance(theta, X[a : a + 1], X[b : b + 1])
            K[a, b] = B[outputs[a], outputs[b]] * k[0, 0]
    r = len(model.data.X)
    noises = torch.cat([torch.tensor([model.log_noise]), model.log_noises]).double().exp()
    S = K[:r, :r] + torch.diag(noises[model.stacked.output] + JITTER)
    gain = torch.linalg.solve(S, K[:r, r:])
    m = _expected(model, X, outputs)
    z = m[r:] + gain.T @ (model.data.z.squeeze(1) - m[:r])
    mean = model.data.mean + model.data.sd * z
    scale = model.inflation * model.data.sd**2
    return mean, scale * (K[r:, r:] - K[:r, r:].T @ gain)


def _expected(model: CoregionalisedGP, X: Tensor, outputs: Tensor) -> Tensor:
    """Return the prior means of rows: those of final values, of the lower fidelity its share."""
    if not model.kernel.base.layout.slopes:
        return torch.zeros(len(X), dtype=torch.float64)
    share = torch.tensor([1.0, model.hyperparameters["shared with 0.1"]], dtype=torch.float64)
    return share[outputs] * (0.4 * X[:, 2] - 0.3 * X[:, 3])


@BOTH
def test_the_posterior_is_that_of_a_dense_joint_gaussian(layout: Layout) -> None:
    given = trainings(8, 6, told=0.7, noise=0.1)
    model, unseen = _fitted(given, layout), given.unseen[:5]
    mean, covariance = _dense(model, unseen)
    posterior = model.posterior(unseen)
    torch.testing.assert_close(posterior.mean.squeeze(-1), mean)
    found = posterior.distribution.covariance_matrix  # type: ignore[attr-defined]  # GPyTorch's
    jitter = JITTER * model.inflation * model.data.sd**2
    torch.testing.assert_close(found, covariance + jitter * torch.eye(5))
    for _ in range(2):  # what is kept for the pool changes nothing
        at, variance = model.marginals(unseen)
        torch.testing.assert_close(at, mean)
        torch.testing.assert_close(variance, covariance.diagonal() + jitter)


def test_without_values_at_lower_fidelities_it_is_the_ordinary_process() -> None:
    given = trainings(12, 10, told=0.7)
    joint = _fitted(given)
    joint.inflation = 1.0  # of which the ordinary process knows nothing
    alone = joint.condition_on(given.X, given.Y)
    ordinary = GraphGP(
        joint.kernel.base,
        joint.theta[: len(joint.kernel.base.names)],
        joint.log_noise,
        standardise(given.X, given.Y),
    )
    torch.testing.assert_close(alone.marginals(given.unseen), ordinary.marginals(given.unseen))
    torch.testing.assert_close(alone.loo_log_density(), ordinary.loo_log_density())


@BOTH
@pytest.mark.parametrize("steps", [((12, 20), (14, 20), (14, 24), (15, 25)), ((15, 25),)])
def test_a_model_that_grew_is_the_one_of_all_data(
    steps: tuple[tuple[int, int], ...], layout: Layout
) -> None:
    given = trainings(15, 10, told=0.8, noise=0.1)
    model = fit_graph_gp(*_first(given, 10, 18)[:2], layout, lower=_first(given, 10, 18)[3])
    assert isinstance(model, CoregionalisedGP)
    afresh = model.condition_on(*_first(given, 15, 25))
    afresh = CoregionalisedGP(  # factorised as a whole
        afresh.kernel,
        afresh.theta,
        afresh.log_noise,
        afresh.log_noises,
        afresh.stacked,
        inflation=model.inflation,
    )
    grown = model
    for n, k in steps:
        grown.marginals(given.unseen)
        grown = grown.condition_on(*_first(given, n, k))
    torch.testing.assert_close(grown.marginals(given.unseen), afresh.marginals(given.unseen))
    torch.testing.assert_close(grown.loo_log_density(), afresh.loo_log_density())


def test_growing_solves_for_new_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given = trainings(10, 10, told=0.8)
    first = _first(given, 10, 18)
    model = fit_graph_gp(*first[:2], LAYOUT, lower=first[3])
    model.marginals(given.unseen)
    asked = []
    covariance = type(model.kernel).covariance

    def counted(self: object, theta: Tensor, X: Tensor, Z: Tensor) -> Tensor:
        asked.append(len(X))
        return covariance(self, theta, X, Z)  # type: ignore[arg-type]  # of the class itself

    monkeypatch.setattr(type(model.kernel), "covariance", counted)
    model.condition_on(*_first(given, 10, 20)).marginals(given.unseen)
    assert asked == [2, 28, 2]  # corner, rows before, pool


def test_other_first_rows_are_factorised_anew() -> None:
    given, other = trainings(10, 8, told=0.8), trainings(10, 8, told=0.8, seed=5)
    moved = _fitted(given).condition_on(other.X, other.Y, None, other.lower)
    assert moved.stacked.growth == ((10, 18),)
    torch.testing.assert_close(
        moved.marginals(given.unseen)[0], _dense(moved, given.unseen)[0], rtol=1e-6, atol=1e-6
    )


@BOTH
def test_a_value_is_left_out_with_all_rows_of_its_training(layout: Layout) -> None:
    given = trainings(9, 4, told=0.7, noise=0.1)
    model = _fitted(given, layout)
    m = _expected(model, model.data.X, model.stacked.output)
    mean, sd = model.data.mean, model.data.sd
    found = model.loo_log_density()
    for i in range(9):
        kept = model.stacked.training != i
        S = model.L @ model.L.T
        own = int(torch.nonzero((model.stacked.training == i) & (model.stacked.output == 0)))
        gain = torch.linalg.solve(S[kept][:, kept], S[kept, own])
        variance = float(S[own, own] - S[kept, own] @ gain)
        at = mean + sd * float(m[own] + gain @ (model.data.z[:, 0] - m)[kept])
        spread = sd * math.sqrt(model.inflation * variance)
        expected = norm.logpdf(float(given.Y[i]), at, spread)
        assert float(found[i]) == pytest.approx(expected)


def test_members_of_a_mixture_are_weighed_with_lower_fidelities_and_grow() -> None:
    given = trainings(15, 20, told=0.9, noise=0.05)
    first = _first(given, 14, 30)
    mixture = fit_mixture(*first[:2], LAYOUT, lower=first[3], members=(fit_graph_gp, fit_graph_gp))
    assert all(isinstance(member, CoregionalisedGP) for member in mixture.members)
    grown = mixture.condition_on(*_first(given, 15, 35))
    one = grown.members[0]
    assert isinstance(one, CoregionalisedGP)
    assert len(one.stacked.rows.X) == 15 + 35
    assert len(grown.loo_log_density()) == 15


@pytest.mark.parametrize(
    "change",
    [
        {"X": torch.zeros(18, 3).double()},
        {"final": torch.arange(5, 23).where(torch.arange(18) < 9, -1)},
    ],
    ids=["another width", "a final value that does not exist"],
)
def test_lower_fidelities_of_other_data_are_refused(change: dict[str, Tensor]) -> None:
    given = trainings(10, 8)
    with pytest.raises(FitFailed, match="expected lower fidelities of encodings n x 4 and rows"):
        fit_graph_gp(given.X, given.Y, LAYOUT, lower=replace(given.lower, **change))
