"""Facts about labels that are the token ids themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bonas.evaluation.data.language import are_input_ids, shift_labels

IDS = torch.tensor([[5, 7, 0], [1, 2, 0]])


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (IDS, True),
        (IDS.tolist(), True),
        (torch.where(IDS == 0, -100, IDS), True),
        (torch.full_like(IDS, -100), False),
        (IDS + 1, False),
        (IDS[:, 1:], False),
        (torch.tensor([0, 1]), False),
    ],
    ids=["equal", "a list", "ignored padding", "all ignored", "others", "shorter", "of rows"],
)
def test_labels_are_ids_where_none_that_counts_differs(labels: Any, expected: bool) -> None:
    assert are_input_ids({"input_ids": IDS}, labels) is expected


@pytest.mark.parametrize("inputs", [IDS, {"ids": IDS}, {}, (IDS,)])
def test_inputs_without_that_name_have_no_ids(inputs: Any) -> None:
    assert not are_input_ids(inputs, IDS)


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=4))
def test_each_token_is_followed_by_the_next_label(rows: list[list[int]]) -> None:
    found = shift_labels(torch.tensor(rows))
    assert found.tolist() == [[*row[1:], -100] for row in rows]
