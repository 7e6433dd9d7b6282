"""Indices and splits as labels: equal exactly where they take equal parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.function_names import plain_name
from bonas.spaces.tracing.indexing import index_label, index_of, part_index, part_size, selects

X = torch.arange(3 * 4 * 5).reshape(3, 4, 5)


def indexed(index: Any) -> Call:
    return Call("slice", Tensor.__getitem__, (X, index), {}, X[index])


EQUAL: list[tuple[list[Any], tuple[str, ...]]] = [
    (
        [(slice(None), 0), (..., 0, slice(None)), (slice(0, 3), 0), (slice(0, 9), 0, ...)],
        (":", "0"),
    ),
    ([(..., 1), (slice(None), slice(None), 1)], (":", ":", "1")),
    ([slice(1, 3), slice(1, None), (slice(1, 9),), (slice(1, 3), ...)], ("1:",)),
    ([(slice(None), None), (slice(0, 3), None, ...)], (":", "None")),
    ([slice(None, None, 2), (slice(0, 3, 2), slice(None))], ("::2",)),
]


@pytest.mark.parametrize("case", range(len(EQUAL)))
def test_equal_selections_have_one_label(case: int) -> None:
    indices, expected = EQUAL[case]
    for index in indices:
        assert torch.equal(X[index], X[indices[0]])
        assert index_label(indexed(index)) == ("slice", expected)


def test_an_index_by_tensors_or_lists_is_no_slice() -> None:
    assert index_label(indexed((slice(None), torch.tensor([0, 2])))) == ("index", (":", "*"))
    assert index_label(indexed([0, 2])) == ("index", ("[0, 2]",))


def test_a_mask_takes_as_many_dimensions_as_it_has() -> None:
    mask = torch.ones(3, 4, dtype=torch.bool)
    assert index_of(indexed((mask, ..., 1)))[1:] == [1]


@given(st.lists(st.sampled_from([None, slice(None), 0, slice(1, 3), slice(0, 9)]), max_size=3))
def test_an_index_selects_unless_it_keeps_every_element(parts: list[Any]) -> None:
    call = indexed(tuple(parts))
    assert selects(call) == (call.out.numel() < X.numel())


SPLITS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "chunk": (torch.chunk, (X, 2), {"dim": 2}),
    "chunk from the end": (torch.chunk, (X, 2), {"dim": -1}),
    "split": (torch.split, (X, 2), {}),
    "split with sizes": (Tensor.split_with_sizes, (X, [1, 3]), {"dim": 1}),
    "tensor_split": (torch.tensor_split, (X, 3), {"dim": 1}),
    "unbind": (torch.unbind, (X,), {"dim": 1}),
    "hsplit": (torch.hsplit, (X, 2), {}),
    "vsplit": (torch.vsplit, (X, 3), {}),
    "dsplit": (torch.dsplit, (X, 5), {}),
}


@pytest.mark.parametrize("case", SPLITS)
def test_a_part_has_the_label_of_the_slice_that_takes_it(case: str) -> None:
    function, args, kwargs = SPLITS[case]
    parts = function(*args, **kwargs)
    call = Call(plain_name(function), function, args, kwargs, parts[0])
    start = 0
    for place, part in enumerate(parts):
        text = part_index(call, part, place, start)
        taken = X[eval(f"({', '.join(_slice(each) for each in text)},)")]
        assert torch.equal(taken, part)
        start += part_size(call, part)


def _slice(text: str) -> str:
    """Return the Python expression of a part of an index."""
    if ":" not in text:
        return text
    return f"slice({', '.join(end or 'None' for end in text.split(':'))})"


def test_all_of_a_tensor_is_no_part() -> None:
    whole = torch.chunk(X, 1)
    assert part_index(Call("chunk", torch.chunk, (X, 1), {}, whole[0]), whole[0], 0, 0) == ()
    assert part_index(indexed((slice(None), None)), X[:, None], 0, 0) == ()
    assert part_index(Call("view", Tensor.view, (X, 12, 5), {}, X.view(12, 5)), X, 0, 0) == ()


def test_select_and_narrow_are_slices() -> None:
    select = Call("select", torch.select, (X, 1, 2), {}, X[:, 2])
    assert part_index(select, select.out, 0, 0) == (":", "2")
    narrow = Call("narrow", torch.narrow, (X, -1, -3, 2), {}, X[..., 2:4])
    assert torch.equal(torch.narrow(X, -1, -3, 2), narrow.out)
    assert part_index(narrow, narrow.out, 0, 0) == (":", ":", "2:4")
