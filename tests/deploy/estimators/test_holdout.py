from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.deploy.estimators.holdout import held_out, thinned
from bonas.errors import InvalidArgument, InvalidData


@given(
    st.lists(st.integers(0, 3), min_size=3, max_size=60),
    st.floats(0.05, 0.6),
    st.integers(0, 9),
)
def test_every_class_stays_in_the_training_rows(given: list[int], share: float, seed: int) -> None:
    labels = np.unique(given, return_inverse=True)[1]
    if np.bincount(labels).max() < 2:
        return
    train, validation = held_out(labels, share, seed)
    assert sorted([*train, *validation]) == list(range(len(labels)))
    assert set(labels[train]) == set(labels)
    assert len(train) >= 2
    assert len(validation) >= 1


def test_classes_are_held_out_in_proportion() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    _, validation = held_out(labels, 0.2, 0)
    assert np.bincount(labels[validation]).tolist() == [20, 10, 2]


def test_a_seed_decides_the_draw() -> None:
    labels = np.zeros(40, np.int64)
    draws = [held_out(labels, 0.25, seed)[1].tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_a_thinned_part_keeps_a_row_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [900, 99, 1])
    rows = thinned(np.arange(1000), labels, 20, 0)
    assert np.bincount(labels[rows]).tolist() == [18, 1, 1]
    assert thinned(rows, labels, 99, 0) is rows


def test_too_few_rows_and_impossible_shares_are_refused() -> None:
    with pytest.raises(InvalidData, match="n_samples = 2"):
        held_out(np.array([0, 0]), 0.5, 0)
    with pytest.raises(InvalidData, match="two of one class"):
        held_out(np.array([0, 1, 2]), 0.5, 0)
    for share in (0.0, 1.0):
        with pytest.raises(InvalidArgument, match="validation"):
            held_out(np.zeros(9, np.int64), share, 0)
