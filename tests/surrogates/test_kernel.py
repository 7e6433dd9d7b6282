"""The sum of kernels over blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates.kernel import BlockKernel

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


TERMS = (("one", "rbf"), ("two", "matern12"), ("one", "matern12"))


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


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
    ("terms", "said"), [([("three", "rbf")], "no block 'three'"), ([("one", "flat")], "flat")]
)
def test_a_kernel_over_nothing_is_refused(terms: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        BlockKernel(LAYOUT, terms)


def test_kernel_matrices_are_positive_semidefinite() -> None:
    kernel = BlockKernel(LAYOUT, TERMS)
    for seed in range(20):
        X = _points(15, seed)
        theta = 2 * torch.from_numpy(np.random.default_rng(seed).standard_normal(9))
        K = kernel.matrix(theta, kernel.distances(X, X))
        assert float(torch.linalg.eigvalsh(K).min()) > -1e-9 * float(K.diagonal().max())


def test_the_diagonal_of_a_kernel_with_a_linear_term_is_that_of_its_matrix() -> None:
    X = torch.from_numpy(np.random.default_rng(2).standard_normal((6, 5)))
    layout = Layout({"own": slice(0, 2), "prior": slice(2, 4)}, {"rate": slice(4, 5)})
    kernel = BlockKernel(layout, [("prior", "linear"), ("own", "matern12"), ("own", "rbf")])
    theta = torch.linspace(-1.0, 1.0, len(kernel.names), dtype=torch.float64)
    K = kernel.matrix(theta, kernel.distances(X, X))
    torch.testing.assert_close(kernel.diagonal(theta, X), K.diagonal())


def test_parameters_outside_the_space_alone_make_a_kernel() -> None:
    kernel = BlockKernel(Layout({}, {"rate": slice(0, 1)}), ())
    X = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    theta = torch.tensor([0.7, 0.3], dtype=torch.float64)  # s_p and the lengthscale
    K = kernel.matrix(theta, kernel.distances(X, X))
    off = math.exp(0.7 - 4.0 / (2 * math.exp(0.3) ** 2))
    assert K.flatten().tolist() == pytest.approx([math.exp(0.7), off, off, math.exp(0.7)])
    assert kernel.names == ["variance without architecture", "lengthscale of rate"]


def test_the_names_follow_the_order_of_theta() -> None:
    layout = Layout({"one": slice(0, 2), "two": slice(2, 5)}, {})
    terms = [("one", "rbf"), ("two", "linear"), ("two", "matern12")]
    assert BlockKernel(layout, terms).names == [
        "variance of one (rbf)",
        "weight of two",
        "variance of two (matern12)",
        "lengthscale of one (rbf)",
        "lengthscale of two (matern12)",
    ]


def test_equal_rows_have_the_distance_zero_though_sums_are_rounded() -> None:
    kernel = BlockKernel(LAYOUT, [("one", "matern12")])
    X = _points(6)
    X[3] = X[0]
    K = kernel.distances(X, X)[0]
    assert float(K[0, 3]) == 0.0
    assert float(K.diagonal().max()) == 0.0
