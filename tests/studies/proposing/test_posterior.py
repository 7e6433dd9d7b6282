"""Posteriors: one model per objective, over transformed values."""

from __future__ import annotations

import numpy as np
import torch

from bonas.encoders import Layout
from bonas.studies.proposing.posterior import fit_posteriors
from bonas.surrogates import fit_graph_gp


def test_a_noisy_value_moves_the_belief_less() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((12, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[0, 0] = 80.0  # an outlier
    noise = torch.full_like(Y, torch.nan)
    sure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    noise[0, 0] = 100.0
    unsure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    assert float(unsure[0, 0]) > float(sure[0, 0]) + 1.0


def test_an_objective_learns_from_the_points_at_which_it_was_measured() -> None:
    """The model of each objective is that of its own rows, whatever the others lack."""
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((14, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[[3, 7, 12], 0] = torch.nan
    Y[5, 1] = torch.nan
    found = fit_posteriors(fit_graph_gp, X, Y, layout, 0).predict(X)
    for j in range(2):
        rows = ~Y[:, j].isnan()
        own = torch.stack([Y[rows, j], Y[rows, j]], dim=1)  # two, so that none is log regret
        alone = fit_posteriors(fit_graph_gp, X[rows], own, layout, 0).predict(X)
        for part, expected in zip(found, alone, strict=True):
            torch.testing.assert_close(part[:, j], expected[:, 0])


def test_values_that_are_missing_are_fitted_again_only_when_data_change() -> None:
    rng = np.random.default_rng(1)
    X = torch.from_numpy(rng.standard_normal((12, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[2, 0] = torch.nan
    first = fit_posteriors(fit_graph_gp, X, Y, layout, 0)
    assert fit_posteriors(fit_graph_gp, X, Y.clone(), layout, 0, first).refit is first.refit
    measured = Y.clone()
    measured[2, 0] = 91.0
    assert fit_posteriors(fit_graph_gp, X, measured, layout, 0, first).refit is not first.refit
