"""Result shapes of elementwise functions, reductions, products and concatenations on meta tensors.

On the meta device torch decomposes each of these in Python, in some tenths of a millisecond. A rule
takes microseconds. It returns None where it is not certain, and where torch would raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from bonas.arguments import is_number
from bonas.spaces.tracing.calls import tensors_of

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
Result = tuple[tuple[int, ...], torch.dtype]
"""Shape and dtype of what a function returns."""

Rule = Callable[[Args, Kwargs], Result | None]

_COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
_UNARY = (
    *("abs", "ceil", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "log", "log10"),
    *("log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sign", "sin", "sinh", "sqrt"),
    *("square", "tan", "trunc"),
)


def broadcast(name: str, args: Args, kwargs: Kwargs) -> Result | None:
    """Infer shape and dtype of what a function of meta tensors returns; None to ask torch."""
    rule = _RULES.get(name)
    return None if rule is None else rule(args, kwargs)


def _common_shape(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that several shapes broadcast to; None if they do not."""
    common = [1] * max(map(len, shapes))
    for shape in shapes:
        for place, size in enumerate(reversed(shape), 1):
            if size != 1:
                if common[-place] not in (1, size):
                    return None
                common[-place] = size
    return tuple(common)


def _result_dtype(*items: Any) -> torch.dtype | None:
    """Return the dtype computed from meta tensors and numbers; None if not certain."""
    found: torch.dtype | None = None
    for item in items:
        if isinstance(item, Tensor):
            if not item.is_meta or not item.dim():
                return None
            found = item.dtype if found is None else torch.promote_types(found, item.dtype)
        elif isinstance(item, complex) or not isinstance(item, (int, float)):
            return None
    numbers = any(isinstance(item, float) for item in items)
    if found is None or (found is torch.bool) or (numbers and not found.is_floating_point):
        return None
    return found


def _shape_of(item: Any) -> tuple[int, ...]:
    return tuple(item.shape) if isinstance(item, Tensor) else ()


def _binary(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 2 or kwargs:
        return None
    dtype, shape = _result_dtype(*args), _common_shape(*map(_shape_of, args))
    if dtype is None or shape is None or not dtype.is_floating_point:
        return None
    return shape, dtype


def _comparison(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 2 or kwargs or _result_dtype(args[0]) is None:
        return None
    other = args[1]
    known = _result_dtype(other) is not None if isinstance(other, Tensor) else is_number(other)
    shape = _common_shape(*map(_shape_of, args)) if known else None
    return None if shape is None else (shape, torch.bool)


def _unary(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 1 or kwargs:
        return None
    return _as_first(args)


def _as_first(args: Args) -> Result | None:
    x = args[0]
    dtype = _result_dtype(x) if isinstance(x, Tensor) else None
    return (tuple(x.shape), dtype) if dtype is not None and dtype.is_floating_point else None


def _power(args: Args, kwargs: Kwargs) -> Result | None:
    return None if kwargs or len(args) != 2 or not is_number(args[1]) else _as_first(args)


def _clamp(args: Args, kwargs: Kwargs) -> Result | None:
    bounds = (*args[1:], *kwargs.values())
    fits = bounds and all(b is None or is_number(b) for b in bounds)
    return _as_first(args) if fits and any(b is not None for b in bounds) else None


def _masked_fill(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 3 or kwargs or not is_number(args[2]) or not isinstance(args[1], Tensor):
        return None
    result = _as_first(args)
    fits = args[1].is_meta and args[1].dtype is torch.bool
    both = _common_shape(_shape_of(args[0]), _shape_of(args[1])) if fits else None
    return (both, result[1]) if result is not None and both is not None else None


def _where(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 3 or kwargs or not isinstance(args[0], Tensor):
        return None
    dtype = _result_dtype(*args[1:])
    fits = args[0].is_meta and args[0].dtype is torch.bool and dtype is not None
    shape = _common_shape(*map(_shape_of, args)) if fits else None
    return (shape, dtype) if shape is not None and dtype is not None else None


def _reduction(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) > 3 or not kwargs.keys() <= {"dim", "axis", "keepdim"}:
        return None
    result = _as_first(args) if args else None
    dims = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
    keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
    if result is None or not isinstance(keep, bool):
        return None
    over = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    n = len(result[0])
    if not over or not all(type(d) is int and -n <= d < n for d in over):
        return None
    gone = {d % n for d in over}
    if len(gone) < len(over):
        return None
    shape = [1 if i in gone else side for i, side in enumerate(result[0]) if keep or i not in gone]
    return tuple(shape), result[1]


def _product(args: Args, kwargs: Kwargs) -> Result | None:
    if len(args) != 2 or kwargs or not all(isinstance(a, Tensor) for a in args):
        return None
    a, b = args
    if a.dtype is not b.dtype or a.dim() < 2 or b.dim() < 2 or not (a.is_meta and b.is_meta):
        return None
    if a.shape[-1] != b.shape[-2]:
        return None
    batch = _common_shape((1, *a.shape[:-2]), (1, *b.shape[:-2]))
    if batch is None:
        return None
    more = max(a.dim(), b.dim()) - 2
    return (*batch[len(batch) - more :], a.shape[-2], b.shape[-1]), a.dtype


def _concatenation(args: Args, kwargs: Kwargs, new: bool) -> Result | None:
    parts = tensors_of(args[0]) if args and len(args) + len(kwargs) <= 2 else []
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not parts or type(dim) is not int or len({t.dtype for t in parts}) > 1:
        return None
    if not all(t.is_meta for t in parts) or len(parts) != len(args[0]) or not parts[0].dim():
        return None
    shapes = [list(t.shape) for t in parts]
    n = len(shapes[0]) + new
    if not -n <= dim < n or len({len(s) for s in shapes}) > 1:
        return None
    dim %= n
    if new:
        shapes = [[*s[:dim], 1, *s[dim:]] for s in shapes]
    if len({tuple(s[:dim] + s[dim + 1 :]) for s in shapes}) > 1:
        return None
    shape = (*shapes[0][:dim], sum(s[dim] for s in shapes), *shapes[0][dim + 1 :])
    return shape, parts[0].dtype


def _adaptive(args: Args, kwargs: Kwargs) -> Result | None:
    size = args[1] if len(args) == 2 and not kwargs else None
    result = _as_first(args) if args else None
    pair = (size, size) if type(size) is int else size
    if result is None or len(result[0]) not in (3, 4) or not isinstance(pair, (tuple, list)):
        return None
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        return None
    return (*result[0][:-2], *pair), result[1]


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "maximum", "minimum"), _binary),
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_UNARY, _unary),
    **dict.fromkeys(("mean", "sum", "amax", "amin"), _reduction),
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "pow": _power,
    "masked_fill": _masked_fill,
    "where": _where,
    "matmul": _product,
    "concat": lambda args, kwargs: _concatenation(args, kwargs, False),
    "stack": lambda args, kwargs: _concatenation(args, kwargs, True),
    "adaptive_avg_pool2d": _adaptive,
}
