"""Values and calls of torch as Python source.

Source names ``torch``, ``nn`` (``torch.nn``), ``F`` (``torch.nn.functional``) and ``math``. A call
is written the way a person would: ``a + b``, ``x[:, 0]``, ``x.mean(dim=1)``, ``F.pad(x, (0, 1))``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import resolve_name

NAMES = {"torch": torch, "nn": nn, "F": functional, "math": math}
"""What source may name."""

Named = Callable[[object], str | None]
"""A function that returns the source of a tensor, a size or a device; None for other values."""

_SYMBOLS = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/", "true_divide": "/", "matmul": "@"},
    **{"floor_divide": "//", "remainder": "%", "pow": "**", "lt": "<", "le": "<=", "gt": ">"},
    **{"ge": ">=", "eq": "==", "ne": "!="},
    **{"__and__": "&", "__or__": "|", "__xor__": "^", "__lshift__": "<<", "__rshift__": ">>"},
    **{"__add__": "+", "__sub__": "-", "__mul__": "*", "__truediv__": "/", "__matmul__": "@"},
    **{"__pow__": "**", "__floordiv__": "//", "__mod__": "%", "__eq__": "==", "__ne__": "!="},
    **{"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">=", "__div__": "/"},
}
_SWAPPED = {
    **{"__radd__": "+", "__rsub__": "-", "__rmul__": "*", "__rtruediv__": "/", "__rdiv__": "/"},
    **{"__rmatmul__": "@", "__rpow__": "**", "__rfloordiv__": "//", "__rmod__": "%"},
    **{"__rand__": "&", "__ror__": "|", "__rxor__": "^"},
}
_IN_PLACE = {
    **{"__iadd__": "+=", "__isub__": "-=", "__imul__": "*=", "__itruediv__": "/="},
    **{"__iand__": "&=", "__ior__": "|=", "__ixor__": "^=", "__ipow__": "**="},
    **{"__ifloordiv__": "//=", "__imod__": "%=", "__idiv__": "/="},
}
_UNARY = {"neg": "-", "__neg__": "-", "__invert__": "~", "bitwise_not": "~"}


class NoSource(Exception):
    """A value or a function that source cannot name."""


def value_text(value: object, named: Named) -> str:
    """Return the source of a value.

    Raises:
        NoSource: if it is of a kind that has none.
    """
    known = named(value)
    if known is not None:
        return known
    if value is Ellipsis:
        return "..."
    if isinstance(value, float) and not isinstance(value, bool):
        return _float_text(float(value))
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return str(value)
    if isinstance(value, torch.device):
        return f"torch.device({quoted(str(value))})"
    if isinstance(value, slice):
        parts = (value.start, value.stop, value.step)
        return f"slice({', '.join(value_text(part, named) for part in parts)})"
    return _collection_text(value, named)


def _collection_text(value: object, named: Named) -> str:
    if isinstance(value, tuple):
        inside = ", ".join(value_text(part, named) for part in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(value_text(part, named) for part in value)}]"
    if isinstance(value, Mapping) and all(isinstance(name, (str, int)) for name in value):
        pairs = (f"{key_text(name)}: {value_text(part, named)}" for name, part in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise NoSource(f"a value of the type {type(value).__name__}")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "math.nan"
    if math.isinf(value):
        return "math.inf" if value > 0 else "-math.inf"
    return repr(value)


def quoted(text: str) -> str:
    """Return a string literal, in double quotes where that needs no escape."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in text else literal


def key_text(key: object) -> str:
    """Return the source of a key of a dictionary."""
    return quoted(key) if isinstance(key, str) else repr(key)


def arguments_text(args: Sequence[object], kwargs: Mapping[str, object], named: Named) -> str:
    """Return the source of the arguments of a call."""
    texts = [value_text(argument, named) for argument in args]
    texts += [f"{name}={value_text(argument, named)}" for name, argument in kwargs.items()]
    return ", ".join(texts)


def call_text(
    function: Any, args: Sequence[object], kwargs: Mapping[str, object], named: Named
) -> str:
    """Return the source of a call of torch: a statement if it works in place, else an expression.

    Raises:
        NoSource: if the function or an argument has none.
    """
    name = getattr(function, "__name__", "")
    if name == "__get__":
        return f"{value_text(args[0], named)}.{function.__self__.__name__}"
    if getattr(torch.Tensor, name, None) is function and args and isinstance(args[0], Tensor):
        return _method_text(name, args, kwargs, named)
    return f"{_function_name(function)}({arguments_text(args, kwargs, named)})"


def _method_text(
    name: str, args: Sequence[object], kwargs: Mapping[str, object], named: Named
) -> str:
    texts = [value_text(argument, named) for argument in args[:2]] if name != "__getitem__" else []
    if len(args) == 2 and not kwargs:
        if name in _SYMBOLS:
            return f"{texts[0]} {_SYMBOLS[name]} {_operand(texts[1])}"
        if name in _SWAPPED:
            return f"{_operand(texts[1])} {_SWAPPED[name]} {texts[0]}"
        if name in _IN_PLACE:
            return f"{texts[0]} {_IN_PLACE[name]} {texts[1]}"
    if len(args) == 1 and not kwargs and name in _UNARY:
        return f"{_UNARY[name]}{texts[0]}"
    receiver = value_text(args[0], named)
    if name == "__getitem__":
        return f"{receiver}[{index_text(args[1], named)}]"
    if name == "__setitem__":
        assigned = value_text(args[2], named)
        return f"{receiver}[{index_text(args[1], named)}] = {assigned}"
    return f"{receiver}.{name}({arguments_text(args[1:], kwargs, named)})"


def _operand(text: str) -> str:
    """Put a negative number in brackets: ``x ** (-1)``, ``(-1) ** x``."""
    return f"({text})" if text.startswith("-") else text


def index_text(index: object, named: Named) -> str:
    """Return the source of what stands between square brackets."""
    if isinstance(index, tuple) and index:
        inside = ", ".join(_part_text(part, named) for part in index)
        return f"{inside}," if len(index) == 1 else inside
    return _part_text(index, named)


def _part_text(part: object, named: Named) -> str:
    if not isinstance(part, slice):
        return value_text(part, named)
    start, stop = ("" if end is None else value_text(end, named) for end in (part.start, part.stop))
    step = "" if part.step is None else f":{value_text(part.step, named)}"
    return f"{start}:{stop}{step}"


def _function_name(function: Any) -> str:
    own = getattr(function, "__name__", "")
    name = (resolve_name(function) or own).replace("torch.nn.functional.", "F.")
    public = name.replace("torch.functional.", "torch.")
    for text in (public, name, f"torch.{own}", f"F.{own}", f"torch.ops.{function}"):
        if _evaluates_to(text, function):
            return text
    raise NoSource(f"the function {name or function}")


def _evaluates_to(name: str, function: object) -> bool:
    first, *rest = name.split(".")
    found: object = NAMES.get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found is function
