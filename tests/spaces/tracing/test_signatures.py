"""Arguments have one name each, however a call passes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from bonas.spaces.tracing.signatures import bind

X, W, ROW = torch.zeros(2, 3, 4), torch.zeros(5, 4), torch.zeros(4)

Way = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def plain(value: Any) -> Any:
    """Return lists as tuples, and tensors as something that equals nothing."""
    if isinstance(value, Tensor):
        return object()
    return tuple(value) if isinstance(value, (list, tuple)) else value


WAYS: dict[str, tuple[list[Way], dict[str, Any]]] = {
    "a dimension": (
        [
            (torch.softmax, (X, 1), {}),
            (torch.softmax, (X,), {"dim": 1}),
            (Tensor.softmax, (X, 1), {}),
            (Tensor.softmax, (X,), {"dim": 1}),
        ],
        {"input": X, "dim": 1},
    ),
    "numbers one after another": (
        [
            (torch.permute, (X, (2, 0, 1)), {}),
            (Tensor.permute, (X, 2, 0, 1), {}),
            (Tensor.permute, (X, (2, 0, 1)), {}),
            (Tensor.permute, (X,), {"dims": (2, 0, 1)}),
        ],
        {"input": X, "dim": (2, 0, 1)},
    ),
    "an axis": (
        [
            (torch.mean, (X,), {"dim": 1, "keepdim": True}),
            (torch.mean, (X,), {"axis": 1, "keepdims": True}),
            (Tensor.mean, (X, 1, True), {}),
        ],
        {"input": X, "dim": 1, "keepdim": True},
    ),
    "a Python function": (
        [(F.leaky_relu, (X, 0.2), {}), (F.leaky_relu, (), {"negative_slope": 0.2, "input": X})],
        {"input": X, "negative_slope": 0.2},
    ),
    "another overload": (
        [(torch.sum, (X,), {"dim": (0, 1)}), (Tensor.sum, (X, (0, 1)), {})],
        {"input": X, "dim": (0, 1)},
    ),
    "a scalar operand": ([(torch.add, (X, 2), {}), (Tensor.__add__, (X, 2), {})], {"other": 2}),
}


@pytest.mark.parametrize("case", WAYS)
def test_all_ways_to_call_a_function_bind_the_same_names(case: str) -> None:
    ways, expected = WAYS[case]
    for function, args, kwargs in ways:
        values = bind(function, args, kwargs).values
        for name, value in expected.items():
            found = values[name]
            assert found is value or plain(found) == plain(value)


def test_defaults_are_those_of_the_signature() -> None:
    assert bind(F.leaky_relu, (X,), {}).defaults == {"negative_slope": 0.01, "inplace": False}
    assert bind(torch.cat, ([X, X],), {}).defaults == {"dim": 0}
    assert "dim" not in bind(torch.softmax, (X, 1), {}).defaults


def test_the_order_is_that_of_the_signature() -> None:
    values = bind(F.linear, (), {"weight": W, "input": X}).values
    assert list(values) == ["input", "weight"]


def test_a_function_that_takes_anything_has_positions_for_names() -> None:
    def anything(*args: Any, **kwargs: Any) -> None: ...

    assert bind(anything, (X, 3), {}).values == {"0": X, "1": 3}
    assert bind(anything, (X,), {"flag": True}).values == {"0": X, "flag": True}


def test_a_call_that_fits_no_overload_has_positions_for_names() -> None:
    assert list(bind(torch.relu, (X, 1, 2, 3), {}).values) == ["0", "1", "2", "3"]
