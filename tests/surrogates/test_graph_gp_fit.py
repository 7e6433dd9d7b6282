"""The fit of a Gaussian process: likelihood, gradient and default terms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from gpytorch.distributions import MultivariateNormal
from torch import Tensor

import bonas.surrogates.graph_gp_fit as module
from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates import fit_graph_gp
from bonas.surrogates.graph_gp_fit import _default_terms, _negative_log_likelihood
from bonas.surrogates.kernel import BlockKernel
from bonas.surrogates.most_probable import PRIORS

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


TERMS = (("one", "rbf"), ("two", "matern12"), ("one", "matern12"))


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


@pytest.mark.parametrize(
    "kernel",
    [
        BlockKernel(LAYOUT, (("one", "rbf"), ("two", "rbf"))),
        BlockKernel(LAYOUT, TERMS),
        BlockKernel(Layout(LAYOUT.architecture, {}), TERMS),
        BlockKernel(Layout({}, LAYOUT.parameters), ()),
    ],
    ids=["rbf", "smooth and rough", "architecture only", "parameters only"],
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


ENCODING = Layout({"one_hot": slice(0, 2), "statistics": slice(2, 4), "gnn": slice(4, 7)}, {})
PRIOR = Layout({**ENCODING.architecture, "prior": slice(7, 8)}, {})


@pytest.mark.parametrize(
    ("layout", "settings", "terms"),
    [
        (ENCODING, {}, [("one_hot", "rbf"), ("statistics", "rbf")]),
        (
            ENCODING,
            {"embedding": True},
            [("one_hot", "rbf"), ("statistics", "rbf"), ("gnn", "matern12")],
        ),
        (
            ENCODING,
            {"shape": "matern12", "trend": True},
            [("one_hot", "matern12"), ("statistics", "matern12"), ("statistics", "linear")],
        ),
        (PRIOR, {}, [("one_hot", "rbf"), ("statistics", "rbf"), ("prior", "linear")]),
        (Layout({"gnn": slice(0, 3)}, {}), {}, [("gnn", "rbf")]),
        (
            Layout({"gnn": slice(0, 3), "prior": slice(3, 4)}, {}),
            {},
            [("gnn", "rbf"), ("prior", "linear")],
        ),
        (Layout({"gnn": slice(0, 3)}, {"rate": slice(3, 4)}), {}, []),
        (Layout({"one_hot": slice(0, 2)}, {}), {"trend": True}, [("one_hot", "rbf")]),
    ],
    ids=[
        "plain",
        "embedding",
        "trend",
        "prior",
        "gnn",
        "gnn and prior",
        "numbers",
        "no statistics",
    ],
)
def test_the_default_terms(
    layout: Layout, settings: dict[str, Any], terms: list[tuple[str, str]]
) -> None:
    """Leave the embedding to other surrogates, unless it is asked for or nothing else is there."""
    given = {"shape": "rbf", "embedding": False, "trend": False, **settings}
    assert _default_terms(layout, **given)[1] == terms


def test_an_unknown_shape_is_refused_with_those_that_exist() -> None:
    X = _points(5)
    with pytest.raises(InvalidArgument, match="'smooth'; expected one of 'linear', 'matern12', 'r"):
        fit_graph_gp(X, X[:, :1], LAYOUT, shape="smooth")


def test_the_fit_is_a_maximum_of_the_posterior_density() -> None:
    X = _points(25)
    gp = fit_graph_gp(X, X[:, :1].sin() + X[:, 5:6], LAYOUT)
    distances = gp.kernel.distances(gp.data.X, gp.data.X)
    families = [name.split(" ", 1)[0] for name in [*gp.kernel.names, "noise"]]
    mean, sd = np.array([PRIORS[family] for family in families]).T
    found = np.append(gp.theta.numpy(), gp.log_noise)

    def loss(point: np.ndarray[Any, Any]) -> float:
        value, _ = _negative_log_likelihood(
            gp.kernel, distances, gp.data.z, gp.data.noise, torch.from_numpy(point)
        )
        return value + 0.5 * float(np.sum(((point - mean) / sd) ** 2))

    for i in range(len(found)):
        for step in (-0.2, 0.2):
            moved = found.copy()
            moved[i] += step
            at_a_bound = abs(moved[i] - mean[i]) > 4 * sd[i]
            assert at_a_bound or loss(moved) > loss(found) - 1e-6


def test_hyper_parameters_of_many_values_are_fitted_to_an_even_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FITTED", 10)
    X = _points(30)
    Y = X[:, :1].sin()
    others = X.clone()
    others[1::3] += 1.0  # every third row, from the first on, is in the sample
    one, other = fit_graph_gp(X, Y, LAYOUT), fit_graph_gp(others, Y, LAYOUT)
    assert one.hyperparameters == other.hyperparameters
    assert len(one.data.X) == 30
    monkeypatch.setattr(module, "_FITTED", 30)
    assert fit_graph_gp(X, Y, LAYOUT).hyperparameters != one.hyperparameters
