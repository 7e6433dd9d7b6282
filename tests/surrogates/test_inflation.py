"""Inflation: weights, by hand, and what it does for trainings like those that were stopped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bonas.encoders import Layout
from bonas.surrogates import CoregionalisedGP, LowerFidelity, fit_graph_gp
from bonas.surrogates.inflation import importance, inflation

NAN = float("nan")


def test_stopped_trainings_count_for_the_finished_one_that_is_nearest_at_their_cut() -> None:
    Y = torch.tensor(
        [
            [1.0, 10.0],  # final value 1
            [5.0, 20.0],  # final value 0
            [6.0, NAN],  # final value 2
            [0.5, NAN],  # nearest to the first
            [5.2, NAN],  # to the second
            [5.9, NAN],  # to the third, or by ranks: 5, 5.2, 5.9, 6
            [9.0, 9.0],  # compared at the second fidelity only: to the first
        ],
        dtype=torch.float64,
    )
    final = torch.tensor([1, 0, 2, -1, -1, -1, -1])
    lower = LowerFidelity(torch.zeros(7, 1).double(), Y, final, (0.1, 0.3))
    assert importance(lower, 4).tolist() == [2.0, 3.0, 2.0, 1.0]


def test_a_fidelity_at_which_nothing_finished_adds_no_weight() -> None:
    Y = torch.tensor([[1.0, NAN], [NAN, 2.0]], dtype=torch.float64)
    lower = LowerFidelity(torch.zeros(2, 1), Y, torch.tensor([0, -1]), (0.1, 0.3))
    assert importance(lower, 1).tolist() == [1.0]


def test_inflation_by_hand() -> None:
    # weights 1, 1, 2: m = 16 / 6, r = (1 + 4 + 2 * 9) / 4 = 23 / 4
    error, variance = torch.tensor([1.0, 4.0, 3.0]), torch.tensor([1.0, 4.0, 1.0])
    found = inflation(error, variance, torch.tensor([1.0, 1.0, 2.0]))
    m, r = 16 / 6, 23 / 4
    assert found == pytest.approx((m * r + 3) / (m + 3))


def test_a_model_that_is_not_sure_enough_is_left_as_it_is() -> None:
    assert inflation(torch.full((9,), 0.1), torch.ones(9), torch.ones(9)) == 1.0


def test_spared_trainings_widen_the_intervals_of_those_like_the_stopped() -> None:
    """Below a threshold final values scatter; a rule stops these but for one in ten."""
    inside = {1.0: [], None: []}  # type: ignore[var-annotated]  # shares of covered values
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = torch.from_numpy(rng.uniform(-1, 1, (260, 1)))
        scatter = torch.from_numpy(rng.standard_normal(260)) * (X[:, 0] < 0)
        Y, cut = X[:, 0] + scatter, X[:, 0]
        stopped = (X[:60, 0] < 0) & torch.from_numpy(rng.random(60) >= 0.1)
        rows = torch.full((60,), -1)
        rows[~stopped] = torch.arange(int((~stopped).sum()))
        lower = LowerFidelity(X[:60], cut[:60].unsqueeze(1), rows, (0.1,))
        known = torch.nonzero(~stopped).squeeze(1)
        layout = Layout({"block": slice(0, 1)}, {})
        model = fit_graph_gp(X[known], Y[known].unsqueeze(1), layout, lower=lower)
        assert isinstance(model, CoregionalisedGP)
        for f in (None, 1.0):
            if f is not None:
                model.inflation = f
            found = model.posterior(X[60:].unsqueeze(1), observation_noise=True)
            error = (found.mean.reshape(-1) - Y[60:]).abs()
            sd = found.variance.reshape(-1).sqrt()
            inside[f].append(float((error <= 1.2816 * sd).double().mean()))
    assert np.mean(inside[None]) > np.mean(inside[1.0]) + 0.02
    assert np.mean(inside[None]) < 0.95
