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
