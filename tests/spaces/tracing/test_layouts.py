"""A layout says where a view reads its elements: torch's own views are the judge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bonas.spaces.tracing.layouts import (
    Layout,
    base_layout,
    blocks,
    is_suffix,
    materialized,
    reorder_label,
    reshape_label,
    squeezed,
    unexpanded,
    view_layout,
    without_batch,
)

BATCH = 5  # no other size is a multiple of it

View = tuple[str, list[Any], Callable[[Tensor], Tensor]]


def permutation(places: list[int]) -> View:
    return "permute", [tuple(places)], lambda x: x.permute(places)


def swap(a: int, b: int) -> View:
    return "transpose", [a, b], lambda x: x.transpose(a, b)


def move(a: int, b: int) -> View:
    return "movedim", [a, b], lambda x: x.movedim(a, b)


def reshape(shape: list[int]) -> View:
    return "view", [shape], lambda x: x.reshape(shape)


@st.composite
def views(draw: st.DrawFn, x: Tensor) -> View:
    dims = st.integers(-x.dim(), x.dim() - 1)
    kind = draw(st.sampled_from(["permute", "transpose", "movedim", "split", "merge", "unsqueeze"]))
    if kind == "permute":
        return permutation(draw(st.permutations(range(x.dim()))))
    if kind in ("transpose", "movedim"):
        return (swap if kind == "transpose" else move)(draw(dims), draw(dims))
    shape = list(x.shape)
    place = draw(st.integers(0, x.dim() - 1))
    if kind == "split" and shape[place] % 2 == 0:
        shape[place : place + 1] = [2, shape[place] // 2]
    elif kind == "merge" and place + 1 < x.dim():
        shape[place : place + 2] = [shape[place] * shape[place + 1]]
    else:
        shape.insert(place, 1)
    return reshape(shape)


def one_example(layout: Layout, base: Tensor) -> Tensor:
    """Read one example of a base, block by block."""
    found = blocks(layout)
    flat = base.reshape(-1)
    return flat.as_strided([z for z, _ in found], [s for _, s in found]).reshape(-1)


@given(st.data())
def test_a_chain_of_views_reads_what_torch_reads(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=3))
    base = torch.arange(BATCH * math.prod(sizes)).reshape(BATCH, *sizes)
    layout, x = base_layout(base.shape), base
    for _ in range(data.draw(st.integers(0, 5))):
        name, arguments, view = data.draw(views(x))
        x = view(x)
        found = view_layout(name, arguments, layout, tuple(x.shape))
        if found is None:  # torch had to copy, and a node stands for that
            return
        layout = found
    assert layout.shape == tuple(x.shape)
    if layout.axis >= 0:
        for example in (0, BATCH - 1):
            seen = x.select(layout.axis, example).reshape(-1)
            assert torch.equal(seen, one_example(layout, base[example]))


@given(st.data())
def test_a_permutation_and_its_inverse_are_no_view(data: st.DataObject) -> None:
    x = torch.zeros(BATCH, 2, 3, 4)
    order = data.draw(st.permutations(range(4)))
    inverse = sorted(range(4), key=order.__getitem__)
    layout: Layout | None = base_layout(x.shape)
    for places in (order, inverse):
        assert layout is not None
        x = x.permute(places)
        layout = view_layout("permute", [places], layout, tuple(x.shape))
    assert layout == base_layout(x.shape)
    assert layout.plain


def after(base: tuple[int, ...], *steps: tuple[str, list[Any], tuple[int, ...]]) -> Layout:
    layout = base_layout(base)
    for name, arguments, shape in steps:
        found = view_layout(name, arguments, layout, shape)
        assert found is not None
        layout = found
    return layout


HEADS = after((5, 8, 12), ("view", [], (5, 8, 3, 4)), ("transpose", [1, 2], (5, 3, 8, 4)))
SHUFFLE = after(
    (5, 6, 4, 4),
    ("view", [], (5, 2, 3, 4, 4)),
    ("transpose", [1, 2], (5, 3, 2, 4, 4)),
)


def test_a_head_split_swaps_two_blocks() -> None:
    # 8 steps of stride 12, 3 heads of stride 4, which hold 4 numbers each
    assert blocks(HEADS) == [(3, 4), (8, 12), (4, 1)]
    label, sizes = reorder_label(HEADS)
    assert label == "transpose"
    assert sizes == {"inputs": 8, "outputs": 3, "stride": 4}


def test_a_channel_shuffle_swaps_two_blocks() -> None:
    assert blocks(SHUFFLE) == [(3, 16), (2, 48), (16, 1)]
    label, sizes = reorder_label(SHUFFLE)
    assert (sizes["inputs"], sizes["outputs"], sizes["stride"]) == (2, 3, 16)
    # the block of 16 numbers is 4 x 4 in the view: its shape (3, 2, 4, 4) stands there, too
    assert (sizes["heads"], sizes["groups"], sizes["kernel"]) == (3, 2, 4)
    assert label == "transpose[4]"


def test_an_expansion_repeats_elements_and_can_be_undone() -> None:
    layout = after((5, 1, 4), ("expand", [], (5, 3, 4)))
    assert layout.strides == (4, 0, 1)
    assert reorder_label(layout)[0] == "expand(3:0, 4:1)[3x4]"
    assert unexpanded(layout).shape == (5, 1, 4)
    assert unexpanded(HEADS) is HEADS


def test_a_reordered_view_cannot_always_be_reshaped() -> None:
    # 24 rows of 3 heads and 8 steps: neighbours in memory are not neighbours in the view
    assert view_layout("reshape", [], HEADS, (5, 24, 4)) is None
    assert materialized(HEADS).strides is None


def test_a_reshape_is_labelled_by_the_shape_of_one_example() -> None:
    assert reshape_label(after((5, 12), ("view", [], (5, 3, 4)))) == (
        "reshape(2d)",
        {"inputs": 3, "outputs": 4},
    )
    seven = after((5, 64), ("view", [], (5, 2, 2, 2, 2, 2, 2)))
    assert reshape_label(seven)[0] == "reshape(6dx2)"


def test_a_batch_that_was_moved_is_labelled() -> None:
    moved = after((5, 3, 4), ("transpose", [0, 1], (3, 5, 4)))
    assert moved.axis == 1
    assert moved.strides is None  # one example is as before
    assert reshape_label(moved) == ("batch_at(1)", {})


def test_a_batch_that_is_merged_away_is_nowhere() -> None:
    assert after((5, 3, 4), ("view", [], (15, 4))).axis == -1


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), True), ((1, 1), True), ((4,), True), ((1, 3, 4), True), ((3, 1), False)],
)
def test_a_bias_varies_along_the_last_dimensions(shape: tuple[int, ...], expected: bool) -> None:
    assert is_suffix(shape) == expected


def test_the_shape_of_one_example_is_without_its_batch() -> None:
    assert without_batch((5, 3, 4), 0) == (3, 4)
    assert without_batch((3, 5, 4), 1) == (3, 4)
    assert without_batch((3, 4), -1) == (3, 4)
    assert squeezed((5, 1, 4, 1), 0) == (4,)


@pytest.mark.parametrize("name", ["t", "T", "mT", "adjoint", "moveaxis"])
def test_permutations_by_any_name_are_those_of_torch(name: str) -> None:
    x = torch.arange(12).reshape(3, 4)
    view = x.moveaxis(0, 1) if name == "moveaxis" else getattr(x, name)
    view = view() if callable(view) and not isinstance(view, Tensor) else view
    layout = view_layout(name, [0, 1], Layout((3, 4), (3, 4), None, -1, -1), tuple(view.shape))
    assert layout is not None
    assert layout.strides is not None
    assert torch.equal(x.as_strided(layout.shape, layout.strides), view)
