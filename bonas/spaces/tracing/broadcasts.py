"""Shapes of what elementwise functions, reductions, products and joins return on the meta device.

There, torch decomposes each of them in Python in some tenths of a millisecond. Each rule returns
None where it is not certain, and where torch would raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.calls import tensors_of

Arguments = tuple[Any, ...]
Named = Mapping[str, Any]
Made = tuple[tuple[int, ...], torch.dtype]
"""Sides and type of what is returned."""

Rule = Callable[[Arguments, Named], Made | None]

_COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
_SAME = (
    *("abs", "ceil", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "floor", "log", "log10"),
    *("log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sign", "sin", "sinh", "sqrt"),
    *("square", "tan", "trunc"),
)


def broadcast(name: str, args: Arguments, named: Named) -> Made | None:
    """Sides and type of what a function of meta tensors returns; None where torch must say."""
    rule = _RULES.get(name)
    return None if rule is None else rule(args, named)


def _joint(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The sides that several tensors are broadcast to."""
    sides = [1] * max(map(len, shapes))
    for shape in shapes:
        for place, side in enumerate(reversed(shape), 1):
            if side != 1:
                if sides[-place] not in (1, side):
                    return None
                sides[-place] = side
    return tuple(sides)


def _type_of(*items: Any) -> torch.dtype | None:
    """The type of what is computed of tensors that have sides, and of numbers."""
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


def _binary(args: Arguments, named: Named) -> Made | None:
    if len(args) != 2 or named:
        return None
    kind, sides = _type_of(*args), _joint(*map(_shape_of, args))
    if kind is None or sides is None or not kind.is_floating_point:
        return None
    return sides, kind


def _comparison(args: Arguments, named: Named) -> Made | None:
    if len(args) != 2 or named or _type_of(args[0]) is None:
        return None
    other = args[1]
    known = _type_of(other) is not None if isinstance(other, Tensor) else _is_number(other)
    sides = _joint(*map(_shape_of, args)) if known else None
    return None if sides is None else (sides, torch.bool)


def _unary(args: Arguments, named: Named) -> Made | None:
    if len(args) != 1 or named:
        return None
    return _as_first(args)


def _as_first(args: Arguments) -> Made | None:
    x = args[0]
    kind = _type_of(x) if isinstance(x, Tensor) else None
    return (tuple(x.shape), kind) if kind is not None and kind.is_floating_point else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _power(args: Arguments, named: Named) -> Made | None:
    return None if named or len(args) != 2 or not _is_number(args[1]) else _as_first(args)


def _clamp(args: Arguments, named: Named) -> Made | None:
    bounds = (*args[1:], *named.values())
    fits = bounds and all(b is None or _is_number(b) for b in bounds)
    return _as_first(args) if fits and any(b is not None for b in bounds) else None


def _masked_fill(args: Arguments, named: Named) -> Made | None:
    if len(args) != 3 or named or not _is_number(args[2]) or not isinstance(args[1], Tensor):
        return None
    made = _as_first(args)
    fits = args[1].is_meta and args[1].dtype is torch.bool
    both = _joint(_shape_of(args[0]), _shape_of(args[1])) if fits else None
    return (both, made[1]) if made is not None and both is not None else None


def _where(args: Arguments, named: Named) -> Made | None:
    if len(args) != 3 or named or not isinstance(args[0], Tensor):
        return None
    kind = _type_of(*args[1:])
    fits = args[0].is_meta and args[0].dtype is torch.bool and kind is not None
    sides = _joint(*map(_shape_of, args)) if fits else None
    return (sides, kind) if sides is not None and kind is not None else None


def _reduction(args: Arguments, named: Named) -> Made | None:
    if len(args) > 3 or not named.keys() <= {"dim", "axis", "keepdim"}:
        return None
    made = _as_first(args) if args else None
    dims = args[1] if len(args) > 1 else named.get("dim", named.get("axis"))
    keep = args[2] if len(args) > 2 else named.get("keepdim", False)
    if made is None or not isinstance(keep, bool):
        return None
    over = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    n = len(made[0])
    if not over or not all(type(d) is int and -n <= d < n for d in over):
        return None
    gone = {d % n for d in over}
    if len(gone) < len(over):
        return None
    sides = [1 if i in gone else side for i, side in enumerate(made[0]) if keep or i not in gone]
    return tuple(sides), made[1]


def _product(args: Arguments, named: Named) -> Made | None:
    if len(args) != 2 or named or not all(isinstance(a, Tensor) for a in args):
        return None
    a, b = args
    if a.dtype is not b.dtype or a.dim() < 2 or b.dim() < 2 or not (a.is_meta and b.is_meta):
        return None
    if a.shape[-1] != b.shape[-2]:
        return None
    batch = _joint((1, *a.shape[:-2]), (1, *b.shape[:-2]))
    if batch is None:
        return None
    more = max(a.dim(), b.dim()) - 2
    return (*batch[len(batch) - more :], a.shape[-2], b.shape[-1]), a.dtype


def _join(args: Arguments, named: Named, new: bool) -> Made | None:
    parts = tensors_of(args[0]) if args and len(args) + len(named) <= 2 else []
    dim = args[1] if len(args) > 1 else named.get("dim", 0)
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
    sides = (*shapes[0][:dim], sum(s[dim] for s in shapes), *shapes[0][dim + 1 :])
    return sides, parts[0].dtype


def _adaptive(args: Arguments, named: Named) -> Made | None:
    size = args[1] if len(args) == 2 and not named else None
    made = _as_first(args) if args else None
    pair = (size, size) if type(size) is int else size
    if made is None or len(made[0]) not in (3, 4) or not isinstance(pair, (tuple, list)):
        return None
    if len(pair) != 2 or not all(type(side) is int and side > 0 for side in pair):
        return None
    return (*made[0][:-2], *pair), made[1]


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "maximum", "minimum"), _binary),
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys(_SAME, _unary),
    **dict.fromkeys(("mean", "sum", "amax", "amin"), _reduction),
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "pow": _power,
    "masked_fill": _masked_fill,
    "where": _where,
    "matmul": _product,
    "concat": lambda args, named: _join(args, named, False),
    "stack": lambda args, named: _join(args, named, True),
    "adaptive_avg_pool2d": _adaptive,
}
