import math

import pytest
import torch
from scipy.stats import norm, spearmanr
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import FitFailed
from bonas.surrogates.learning_curve import LearningCurveModel, fit_learning_curve

LAYOUT = Layout({"one_hot": slice(0, 3), "statistics": slice(3, 5)}, {})


def _data(n: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Return features, encodings and values that depend on both."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, 5, generator=generator, dtype=torch.float64)
    early = torch.randn(n, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    features = torch.cat([70 + 3 * early, 60 + early, early + noise[:, :1]], dim=1)
    y = 85 + early[:, 0] + 0.5 * X[:, 0] + 0.2 * noise[:, 1]
    return features, X, y


def _model(n: int = 40) -> LearningCurveModel:
    return fit_learning_curve(*_data(n), LAYOUT)


def test_posterior_is_that_of_the_kernel_written_out() -> None:
    features, X, y = _data(20)
    model = fit_learning_curve(features, X, y, LAYOUT)
    new_features, new_X, _ = _data(6, seed=1)
    top = y.max() + 2 * (y.max() - y.median())
    z = -torch.log(top - y)
    mean, sd = z.mean(), z.std(correction=0)
    scale = features.std(0, correction=0) * math.sqrt(3)
    rows = torch.cat([X, (features - features.mean(0)) / scale], dim=1)
    new = torch.cat([new_X, (new_features - features.mean(0)) / scale], dim=1)
    h = model.gp.hyperparameters

    def k(A: Tensor, B: Tensor) -> Tensor:
        def r(columns: slice, term: str) -> Tensor:
            return torch.cdist(A[:, columns], B[:, columns]) / h[f"lengthscale of {term}"]

        own = slice(5, 8)
        return (
            h["variance of one_hot (matern12)"] * (-r(slice(0, 3), "one_hot (matern12)")).exp()
            + h["variance of statistics (rbf)"]
            * (-(r(slice(3, 5), "statistics (rbf)") ** 2) / 2).exp()
            + h["variance of curve (rbf)"] * (-(r(own, "curve (rbf)") ** 2) / 2).exp()
            + h["weight of curve"] * (1 + A[:, own] @ B[:, own].T)
        )

    K = k(rows, rows) + (h["noise"] + 1e-6) * torch.eye(20, dtype=torch.float64)
    cross = k(rows, new)
    expected = mean + sd * cross.T @ torch.linalg.solve(K, (z - mean) / sd)
    left = k(new, new).diagonal() - (cross * torch.linalg.solve(K, cross)).sum(0)
    spread = sd * (left + 1e-6 + h["noise"]).sqrt()
    for level in (0.1, 0.5, 0.9):
        quantile = top - torch.exp(-(expected + norm.ppf(level) * spread))
        found = model.quantiles(new_features, new_X, torch.tensor([level], dtype=torch.float64))[0]
        torch.testing.assert_close(found, quantile, rtol=1e-6, atol=1e-6)


def test_probability_agrees_with_the_quantiles() -> None:
    model = _model()
    features, X, _ = _data(5, seed=2)
    for level in (0.2, 0.5, 0.95):
        (values,) = model.quantiles(features, X, torch.tensor([level], dtype=torch.float64))
        for i, value in enumerate(values.tolist()):
            found = model.probability_above(features[[i]], X[[i]], value)
            assert float(found) == pytest.approx(1 - level)


def test_nothing_is_above_the_ceiling_and_everything_above_minus_infinity() -> None:
    model = _model()
    features, X, _ = _data(3, seed=2)
    assert model.probability_above(features, X, model.top + 1).tolist() == [0.0] * 3
    assert model.probability_above(features, X, -math.inf).tolist() == [1.0] * 3


def test_curve_and_architecture_together_rank_better_than_the_curve_alone() -> None:
    features, X, y = _data(340)
    model = fit_learning_curve(features[:40], X[:40], y[:40], LAYOUT)
    predicted = model.predict(features[40:], X[40:])[0]
    alone = spearmanr(features[40:, 0], y[40:]).statistic
    assert spearmanr(predicted, y[40:]).statistic > alone + 0.03


def test_intervals_cover_new_values() -> None:
    features, X, y = _data(540)
    model = fit_learning_curve(features[:40], X[:40], y[:40], LAYOUT)
    levels = torch.tensor([0.1, 0.9], dtype=torch.float64)
    low, high = model.quantiles(features[40:], X[40:], levels)
    covered = float(((low <= y[40:]) & (y[40:] <= high)).double().mean())
    assert 0.7 < covered < 0.9


def test_evaluations_that_learnt_nothing_are_a_class_of_their_own() -> None:
    features, X, y = _data(40)
    y[:3], features[:3, 0] = 10.0, 10.5
    model = fit_learning_curve(features, X, y, LAYOUT)
    healthy = fit_learning_curve(features[3:], X[3:], y[3:], LAYOUT)
    new, new_X, _ = _data(5, seed=3)
    torch.testing.assert_close(model.predict(new, new_X), healthy.predict(new, new_X))
    new[:, 0] = 11.0
    median, spread = model.predict(new, new_X)
    assert median.tolist() == [10.0] * 5
    assert spread.tolist() == [0.0] * 5
    assert model.probability_above(new, new_X, 50.0).tolist() == [0.0] * 5


def test_evaluation_that_learns_nothing_is_hopeless_before_any_such_has_finished() -> None:
    model = _model()
    features, X, _ = _data(1, seed=3)
    features[:, 0], features[:, 1], features[:, 2] = 10.0, 10.0, -20.0
    assert float(model.probability_above(features, X, float(_data(40)[2].max()))) < 0.05
    levels = torch.tensor([0.1], dtype=torch.float64)
    assert model.quantiles(features, X, levels).isfinite().all()


def test_same_data_give_the_same_model() -> None:
    features, X, _ = _data(4, seed=5)
    torch.testing.assert_close(
        _model().predict(features, X), _model().predict(features, X), rtol=0, atol=0
    )


def test_constant_features_and_equal_values_are_no_error() -> None:
    features, X, _ = _data(16)
    features[:, 1] = 5.0
    model = fit_learning_curve(features, X, torch.full((16,), 3.0, dtype=torch.float64), LAYOUT)
    median, spread = model.predict(features, X)
    torch.testing.assert_close(median, torch.full_like(median, 3.0), atol=0.2, rtol=0)
    assert spread.isfinite().all()


def test_curves_without_encodings_are_enough() -> None:
    features, _, y = _data(30)
    model = fit_learning_curve(features, torch.zeros(30, 0, dtype=torch.float64), y, Layout({}, {}))
    assert model.predict(features, torch.zeros(30, 0, dtype=torch.float64))[0].shape == (30,)


def test_other_shapes_are_refused() -> None:
    features, X, y = _data(5)
    with pytest.raises(FitFailed, match="expected features n x f"):
        fit_learning_curve(features[:4], X, y, LAYOUT)
