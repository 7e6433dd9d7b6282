"""Result shapes without torch's decompositions: what torch returns is the judge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bonas.spaces.tracing.broadcasts import broadcast

Args = tuple[Any, ...]

DTYPES = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool]
)
SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
NUMBERS = st.sampled_from([2, 0.5, True, -1])


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    return torch.ones(draw(SHAPES), dtype=draw(DTYPES))


def on_meta(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.to("meta")
    return [on_meta(part) for part in item] if isinstance(item, list) else item


def agrees(name: str, function: Callable[..., Any], args: Args, kwargs: dict[str, Any]) -> bool:
    """Return whether a rule gave a result; check that torch returns the same."""
    found = broadcast(name, tuple(map(on_meta, args)), kwargs)
    if found is None:
        return False
    out = function(*args, **kwargs)  # raises nothing, or the rule is wrong
    assert (tuple(out.shape), out.dtype) == found
    return True


BINARY = ["add", "sub", "mul", "div", "maximum", "minimum"]
COMPARISONS = ["eq", "ne", "gt", "ge", "lt", "le"]
UNARY = ["abs", "ceil", "cos", "erf", "exp", "floor", "log1p", "neg", "rsqrt", "sqrt", "square"]


@given(st.sampled_from(BINARY + COMPARISONS), tensors(), st.one_of(tensors(), NUMBERS))
def test_binary_functions(name: str, a: Tensor, b: Any) -> None:
    if name not in ("maximum", "minimum") or isinstance(b, Tensor):
        agrees(name, getattr(torch, name), (a, b), {})


@given(st.sampled_from(UNARY), tensors())
def test_unary_functions(name: str, x: Tensor) -> None:
    if name not in ("neg", "square") or x.dtype is not torch.bool:
        agrees(name, getattr(torch, name), (x,), {})


@given(
    st.sampled_from(["mean", "sum", "amax", "amin"]),
    tensors(),
    st.one_of(st.integers(-4, 3), st.lists(st.integers(-4, 3), max_size=3).map(tuple)),
    st.booleans(),
)
def test_reductions(name: str, x: Tensor, dim: Any, keepdim: bool) -> None:
    agrees(name, getattr(torch, name), (x,), {"dim": dim, "keepdim": keepdim})


@given(tensors(), tensors())
def test_products(a: Tensor, b: Tensor) -> None:
    if a.dtype is not torch.bool:
        agrees("matmul", torch.matmul, (a, b), {})


@given(st.lists(tensors(), max_size=3), st.integers(-4, 3), st.booleans())
def test_concatenations_and_stacks(parts: list[Tensor], dim: int, stack: bool) -> None:
    name, function = ("stack", torch.stack) if stack else ("concat", torch.cat)
    agrees(name, function, (parts,), {"dim": dim})


@given(tensors(), SHAPES, tensors())
def test_selections_by_a_mask(x: Tensor, shape: tuple[int, ...], other: Tensor) -> None:
    mask = torch.ones(shape, dtype=torch.bool)
    agrees("where", torch.where, (mask, x, other), {})
    agrees("masked_fill", torch.masked_fill, (x, mask, -math.inf), {})


@given(tensors(), st.one_of(st.none(), st.floats(-1, 1)), st.one_of(st.none(), st.integers(0, 2)))
def test_clamps(x: Tensor, low: Any, high: Any) -> None:
    agrees("clamp", torch.clamp, (x, low, high), {})
    agrees("clamp", torch.clamp, (x,), {"min": low})


@given(st.lists(st.integers(1, 3), min_size=2, max_size=5), st.integers(-1, 3))
def test_adaptive_pools(shape: list[int], size: int) -> None:
    function = torch.nn.functional.adaptive_avg_pool2d
    agrees("adaptive_avg_pool2d", function, (torch.ones(shape), size), {})


CERTAIN: dict[str, tuple[str, Callable[..., Any], Args]] = {
    "a bias": ("add", torch.add, (torch.ones(2, 3, 4), torch.ones(4))),
    "a factor": ("mul", torch.mul, (torch.ones(2, 3), 0.5)),
    "two precisions": ("add", torch.add, (torch.ones(2), torch.ones(2, dtype=torch.float64))),
    "a comparison": ("gt", torch.gt, (torch.ones(2, 3), 0)),
    "a power": ("pow", torch.pow, (torch.ones(2, 3), 2)),
    "a mean": ("mean", torch.mean, (torch.ones(2, 3), -1, True)),
    "a product of batches": ("matmul", torch.matmul, (torch.ones(2, 1, 3, 4), torch.ones(5, 4, 6))),
    "a row": ("concat", torch.cat, ([torch.ones(2, 3), torch.ones(2, 1)], -1)),
    "a new dimension": ("stack", torch.stack, ([torch.ones(2, 3)] * 2, -1)),
    "a pool": (
        "adaptive_avg_pool2d",
        torch.nn.functional.adaptive_avg_pool2d,
        (torch.ones(2, 3, 8, 8), 1),
    ),
}


@pytest.mark.parametrize("case", CERTAIN)
def test_frequent_calls_have_a_rule(case: str) -> None:
    name, function, args = CERTAIN[case]
    assert agrees(name, function, args, {})


UNSURE: dict[str, tuple[str, Args, dict[str, Any]]] = {
    "shapes that do not broadcast": ("add", (torch.ones(2, 3), torch.ones(2, 4)), {}),
    "integers": ("div", (torch.ones(2, dtype=torch.int64), 2), {}),
    "no dimension": ("add", (torch.ones(2), torch.tensor(1.0)), {}),
    "a keyword": ("add", (torch.ones(2), torch.ones(2)), {"alpha": 2}),
    "matrices that do not fit": ("matmul", (torch.ones(2, 3), torch.ones(2, 3)), {}),
    "a dimension twice": ("mean", (torch.ones(2, 3), (1, -1)), {}),
    "a dimension out of range": ("sum", (torch.ones(2, 3), 2), {}),
    "no bounds": ("clamp", (torch.ones(2),), {"min": None}),
    "rows of other widths": ("concat", ([torch.ones(2, 3), torch.ones(2, 4)], 0), {}),
    "no tensors to join": ("concat", ([], 0), {}),
    "a mask of integers": ("where", (torch.ones(2, dtype=torch.int64), torch.ones(2), 0.0), {}),
    "another function": ("frobnicate", (torch.ones(2),), {}),
}


@pytest.mark.parametrize("case", UNSURE)
def test_whatever_is_not_certain_is_left_to_torch(case: str) -> None:
    name, args, kwargs = UNSURE[case]
    assert broadcast(name, tuple(map(on_meta, args)), kwargs) is None


def test_real_tensors_are_left_to_torch() -> None:
    assert broadcast("add", (torch.ones(2), torch.ones(2)), {}) is None
