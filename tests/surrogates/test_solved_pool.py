"""Triangular solves that grow with the data are those made at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bonas.surrogates import solved_pool
from bonas.surrogates.solved_pool import SolvedPool


def covariance(X: Tensor, Z: Tensor) -> Tensor:
    return torch.exp(-torch.cdist(X, Z))


@pytest.fixture
def data() -> tuple[Tensor, Tensor, Tensor]:
    """Return encodings, their factor, and a pool."""
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(9, 3, dtype=torch.float64, generator=generator)
    pool = torch.randn(7, 3, dtype=torch.float64, generator=generator)
    L = torch.linalg.cholesky(covariance(X, X) + 0.1 * torch.eye(9, dtype=torch.float64))
    return X, L, pool


@pytest.mark.parametrize("chunk", [3, 8_192])
def test_solves_that_grew_are_those_made_at_once(
    data: tuple[Tensor, Tensor, Tensor], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solved_pool, "_CHUNK", chunk)
    X, L, pool = data
    V = torch.linalg.solve_triangular(L, covariance(X, pool), upper=False)
    grown = SolvedPool(pool)
    for n in (1, 2, 2, 6, 9):
        grown.grow(X[:n], L[:n, :n], covariance)
        assert grown.fits(pool, X)
    torch.testing.assert_close(grown.explained, V.square().sum(0))
    u = torch.linspace(-1.0, 1.0, 9, dtype=torch.float64).unsqueeze(1)
    torch.testing.assert_close(grown.weighted(u), (V.T @ u).squeeze(1))


def test_it_fits_the_same_pool_and_data_that_begin_with_its_own(
    data: tuple[Tensor, Tensor, Tensor],
) -> None:
    X, L, pool = data
    solved = SolvedPool(pool)
    solved.grow(X[:4], L[:4, :4], covariance)
    assert solved.fits(pool, X)
    assert not solved.fits(pool.clone(), X)  # it is looked up by identity
    assert not solved.fits(pool, X[:3])
    assert not solved.fits(pool, X.flip(0))
