"""Training data: checked and standardised."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bonas.errors import FitFailed
from bonas.surrogates import fit_graph_gp
from bonas.surrogates.training_data import standardise
from bonas.testing import SurrogateContract


def test_negative_variances_are_refused() -> None:
    X, Y, layout = SurrogateContract().data(5)
    with pytest.raises(FitFailed, match="none negative"):
        fit_graph_gp(X, Y, layout, train_Yvar=-torch.ones_like(Y))


X = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
Y = torch.tensor([[1.0], [3.0], [5.0]], dtype=torch.float64)
NAN = torch.tensor([[1.0], [torch.nan], [2.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X, Y[:2]), r"got \(3, 1\) and \(2, 1\)"),
        ((X, Y.squeeze(1)), r"got \(3, 1\) and \(3,\)"),
        ((X.squeeze(1), Y), r"got \(3,\) and \(3, 1\)"),
        ((X[:0], Y[:0]), "n at least 1"),
        ((X, NAN), "must be finite; leave failed trials out"),
        ((NAN, Y), "must be finite"),
        ((X, Y, Y[:2]), r"variances n x 1, .* got \(2, 1\) with the least 1.0"),
        ((X, Y, -Y), "none negative .* with the least -5.0"),
    ],
    ids=["rows", "vector", "flat", "none", "value", "encoding", "variances", "negative"],
)
def test_data_that_cannot_be_fitted_are_refused(data: tuple[Tensor, ...], said: str) -> None:
    with pytest.raises(FitFailed, match=said):
        standardise(*data)


def test_values_are_standardised_by_hand() -> None:
    # mean 3, variance (4 + 0 + 4) / 3
    data = standardise(X.float(), Y.float())
    assert (data.X.dtype, data.z.dtype) == (torch.float64, torch.float64)
    assert (data.mean, data.sd) == pytest.approx((3.0, (8 / 3) ** 0.5))
    torch.testing.assert_close(data.mean + data.sd * data.z, Y)
    assert bool(data.noise.isnan().all())


def test_values_that_differ_by_rounding_are_constant() -> None:
    data = standardise(X, 1e6 + 1e-6 * Y)
    assert data.sd == 1.0


def test_known_variances_are_in_units_of_the_values_variance_and_bounded() -> None:
    noise = torch.tensor([[4.0], [torch.nan], [1e300]], dtype=torch.float64)
    data = standardise(X, Y, noise)
    assert data.noise[[0, 2]].tolist() == pytest.approx([1.5, 1e8])
    assert bool(data.noise[1].isnan())


def test_data_start_with_others_that_have_their_rows_and_variances() -> None:
    noise = torch.tensor([[4.0], [torch.nan], [1.0]], dtype=torch.float64)
    data = standardise(X, Y, noise)
    assert data.starts_with(data)
    assert not data.starts_with(standardise(X.flip(0), Y))
    assert not data.starts_with(standardise(X, Y))
    assert not standardise(X[:2], Y[:2]).starts_with(data)
    shorter = standardise(X[:2], Y[:2])
    assert standardise(X, Y).starts_with(shorter)
