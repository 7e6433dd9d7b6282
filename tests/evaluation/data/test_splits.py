"""Facts about splits: what a training needs to know of its rows, and the scale of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from bonas.evaluation import load
from bonas.evaluation.data.splits import TargetScale

X = np.arange(40.0).reshape(20, 2)
Y = np.arange(20) % 2
AMOUNTS = np.linspace(-1.5, 8.0, 20)


def test_counts_are_of_the_training_rows() -> None:
    splits = load((np.zeros((100, 3)), np.repeat([0, 1], [75, 25])))
    assert splits.counts == (45, 15)
    assert (splits.scale, load((X, AMOUNTS)).counts) == (None, ())


COLUMNS = arrays(
    np.float64,
    st.tuples(st.integers(2, 9), st.integers(1, 3)),
    elements=st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
)


@given(COLUMNS)
def test_what_is_standardised_can_be_restored(columns: Any) -> None:
    targets = torch.from_numpy(columns)
    scale = TargetScale.of(targets)
    back = scale.restore(scale.standardise(targets))
    spread = torch.tensor(scale.deviation)
    assert ((back - targets).abs() <= 1e-5 * spread + 1e-9 * targets.abs()).all()


@given(COLUMNS)
def test_the_scale_is_that_of_scikit_learn(columns: Any) -> None:
    expected = StandardScaler().fit_transform(columns)
    found = TargetScale.of(torch.from_numpy(columns)).standardise(torch.from_numpy(columns))
    # scikit-learn takes a spread at the limit of rounding for none, so only the clear ones agree
    clear = columns.std(axis=0) > 1e-6 * (1 + np.abs(columns).max(axis=0))
    np.testing.assert_allclose(found.numpy()[:, clear], expected[:, clear], rtol=1e-4, atol=1e-4)


def test_a_constant_column_keeps_its_unit() -> None:
    scale = TargetScale.of(torch.full((5, 1), 7.0, dtype=torch.float64))
    assert (scale.mean, scale.deviation) == ((7.0,), (1.0,))
