"""The ensemble of graph networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates import (
    Surrogate,
    fit_gnn_ensemble,
)
from bonas.testing import SurrogateContract

LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


class TestGNNEnsemble(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_gnn_ensemble


def test_the_gnn_ensemble_needs_its_block() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn'"):
        fit_gnn_ensemble(_points(4), _points(4)[:, :1], LAYOUT)


def test_the_gnn_ensemble_needs_columns_that_divide() -> None:
    layout = Layout({"gnn": slice(0, 7)}, {})
    with pytest.raises(InvalidArgument, match="7 columns"):
        fit_gnn_ensemble(_points(4), _points(4)[:, :1], layout)
