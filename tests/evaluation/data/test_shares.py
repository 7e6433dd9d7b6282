"""Facts about the split of rows into parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bonas.errors import InvalidData
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.targets import Targets


@given(
    n=st.integers(10, 200),
    validation=st.floats(0.1, 0.45),
    test=st.floats(0.1, 0.45),
    seed=st.integers(0, 2**60),
)
def test_the_parts_have_their_shares_of_the_rows(
    n: int, validation: float, test: float, seed: int
) -> None:
    train, validated, tested = Shares(validation, test, seed).of(n)
    assert sorted([*train, *validated, *tested]) == list(range(n))
    assert abs(len(tested) - n * test) <= 1  # rounded up
    assert abs(len(validated) - n * validation) <= 2  # of what is left, rounded up again


def test_the_test_part_does_not_depend_on_the_share_of_validation() -> None:
    """Check that no share of validation looks at rows that are held out."""
    held_out = [Shares(validation, 0.2, 3).of(50)[2].tolist() for validation in (0.1, 0.2, 0.5)]
    assert held_out[0] == held_out[1] == held_out[2]


def test_amounts_and_labels_of_positions_are_not_stratified() -> None:
    amounts = Targets.numbers(np.arange(20.0))
    positions = Targets.labels(np.arange(40).reshape(20, 2) % 3)
    shares = Shares(0.2, 0.2, 1)
    expected = [part.tolist() for part in shares.of(20)]
    for targets in (amounts, positions):
        assert [part.tolist() for part in shares.parts(targets)] == expected


def test_a_class_of_too_few_rows_is_named() -> None:
    labels = Targets("classification", torch.tensor([0] * 9 + [1]), 2)
    with pytest.raises(InvalidData, match=r"got 10 rows, 1 of class 1; add rows, leave out rare"):
        Shares().parts(labels)
