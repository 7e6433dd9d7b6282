"""Leave-one-out densities by hand."""

from __future__ import annotations

import math

import pytest
import torch

from bonas.surrogates.leave_one_out import loo_log_density


def test_two_correlated_values_by_hand() -> None:
    # z = (1, 0), Sigma = [[1, 1/2], [1/2, 1]]: z_1 | z_2 ~ N(0, 3/4), z_2 | z_1 ~ N(1/2, 3/4);
    # both errors have the size 1 and 1/2, and a value is 2 z
    Sigma = torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=torch.float64)
    z = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    found = loo_log_density(torch.linalg.cholesky(Sigma), torch.linalg.solve(Sigma, z), 2.0)
    constant = -0.5 * math.log(2 * math.pi * 0.75) - math.log(2.0)
    assert found.tolist() == pytest.approx([constant - 1 / 1.5, constant - 0.25 / 1.5])
