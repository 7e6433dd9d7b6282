"""Layouts: which columns belong together."""

from __future__ import annotations

import pytest
import torch

from bonas.encoders import (
    Layout,
)
from bonas.errors import InvalidArgument


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn', only"):
        Layout({"paths": slice(0, 2)}, {}).columns(torch.zeros(1, 2), "gnn")


LAYOUT = Layout(
    {"one": slice(0, 2), "two": slice(2, 3)}, {"rate": slice(3, 4)}, (None, slice(4, 6))
)


def test_a_prior_is_visible_to_its_own_objective_alone() -> None:
    X = torch.arange(6.0).unsqueeze(0)
    assert LAYOUT.visible(X).tolist() == [[0, 1, 2, 3]]
    assert LAYOUT.for_objective(0).visible(X).tolist() == [[0, 1, 2, 3]]
    assert LAYOUT.for_objective(1).visible(X).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_a_hidden_block_keeps_the_columns_of_the_others() -> None:
    X = torch.arange(6.0)
    assert LAYOUT.without("one").visible(X).tolist() == [2, 3]
    assert LAYOUT.without("three").visible(X).tolist() == [0, 1, 2, 3]
    assert LAYOUT.columns(X, "two").tolist() == [2]


def test_columns_keep_their_order_in_the_encoding_whatever_the_order_of_the_blocks() -> None:
    layout = Layout({"b": slice(2, 4), "a": slice(0, 2)}, {})
    assert layout.visible(torch.arange(4.0)).tolist() == [0, 1, 2, 3]


def test_each_objective_sees_its_own_prior_and_no_other() -> None:
    layout = Layout({"one": slice(0, 2)}, {}, (None, slice(2, 3)))
    assert layout.for_objective(0).architecture == {"one": slice(0, 2)}
    assert layout.for_objective(1).architecture == {"one": slice(0, 2), "prior": slice(2, 3)}
    assert "prior" not in layout.architecture


def test_what_is_expected_of_a_prior_goes_with_its_objective() -> None:
    layout = Layout(
        {"one": slice(0, 2)}, {}, (None, slice(2, 4), slice(4, 5)), ((), (0.5, 0.25), (0.0,))
    )
    X = torch.tensor([[9.0, 9.0, 2.0, 4.0, 9.0]])
    assert [layout.for_objective(j).prior_mean(X) for j in (0, 2)] == [None, None]
    own = layout.for_objective(1)
    assert own.is_expected
    assert own.without("one").prior_mean(X).tolist() == [2.0]  # type: ignore[union-attr]
    assert own.without("prior").prior_mean(X) is None
    assert layout.prior_mean(X) is None
    assert not layout.for_objective(2).is_expected
