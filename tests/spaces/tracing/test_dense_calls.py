"""Selections by value take everything, unless the values are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bonas.spaces.tracing.constants import Constant
from bonas.spaces.tracing.dense_calls import dense_call
from bonas.spaces.tracing.function_names import plain_name

X = torch.arange(6.0).reshape(2, 3)
MASK = torch.tensor([[True, False, False], [False, False, True]])

Selection = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]

SELECTIONS: dict[str, Selection] = {
    "nonzero": (torch.nonzero, (MASK,), {}),
    "nonzero as a tuple": (torch.nonzero, (MASK,), {"as_tuple": True}),
    "argwhere": (torch.argwhere, (MASK,), {}),
    "where": (torch.where, (MASK,), {}),
    "masked_select": (torch.masked_select, (X, MASK), {}),
    "an index": (Tensor.__getitem__, (X, MASK), {}),
    "an index with others": (Tensor.__getitem__, (X, (MASK[:, 0], slice(1, 3))), {}),
}


def tensors(out: Any) -> list[Tensor]:
    return [out] if isinstance(out, Tensor) else list(out)


@pytest.mark.parametrize("case", SELECTIONS)
def test_a_selection_by_data_takes_everything(case: str) -> None:
    function, args, kwargs = SELECTIONS[case]
    dense = dense_call(plain_name(function), function, args, kwargs, lambda _: None)
    assert dense is not None
    full = [torch.ones_like(a) if a is MASK else a for a in args]
    if case == "an index with others":
        full[1] = (torch.ones(2, dtype=torch.bool), slice(1, 3))
    expected = tensors(function(*full, **kwargs))
    assert all(map(torch.equal, tensors(dense()), expected))


@pytest.mark.parametrize("case", SELECTIONS)
def test_a_selection_by_known_values_is_kept(case: str) -> None:
    function, args, kwargs = SELECTIONS[case]
    dense = dense_call(plain_name(function), function, args, kwargs, Constant)
    assert dense is not None
    assert all(map(torch.equal, tensors(dense()), tensors(function(*args, **kwargs))))


def test_on_the_meta_device_a_selection_has_the_largest_shape() -> None:
    mask = MASK.to("meta")
    dense = dense_call("where", torch.where, (mask,), {}, lambda _: None)
    assert dense is not None
    assert [x.shape for x in dense()] == [(6,), (6,)]


def test_a_write_by_a_mask_writes_everywhere() -> None:
    x = X.clone()
    dense = dense_call("set_item", Tensor.__setitem__, (x, MASK, 9.0), {}, lambda _: None)
    assert dense is not None
    dense()
    assert x.tolist() == [[9.0] * 3] * 2


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (torch.where, (MASK, X, X)),
        (Tensor.__getitem__, (X, 0)),
        (Tensor.__getitem__, (X, torch.tensor([1]))),
        (torch.relu, (X,)),
        (torch.zeros, ((2,),)),
    ],
)
def test_other_calls_are_left_alone(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    assert dense_call(plain_name(function), function, args, {}, lambda _: None) is None
