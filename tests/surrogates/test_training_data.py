"""Training data: checked and standardised."""

from __future__ import annotations

import pytest
import torch

from bonas.errors import FitFailed
from bonas.surrogates import fit_graph_gp
from bonas.testing import SurrogateContract


def test_negative_variances_are_refused() -> None:
    X, Y, layout = SurrogateContract().data(5)
    with pytest.raises(FitFailed, match="none negative"):
        fit_graph_gp(X, Y, layout, train_Yvar=-torch.ones_like(Y))
