"""The arguments of a torch function by their names, however they were given.

A function that is written in Python has a signature; of one that is written in C++, torch keeps a
schema of each overload, the first of which that fits is taken. Names that torch takes as synonyms
(``axis`` for ``dim``) are one, and so are lists and single numbers after another
(``x.permute(0, 2, 1)``).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

_SYNONYMS = {
    "axis": "dim",
    "axes": "dim",
    "dims": "dim",
    "keepdims": "keepdim",
    "self": "input",
    "x": "input",
    "x1": "input",
    "x2": "other",
    "mat2": "other",
    "tensor2": "other",
    "axis0": "dim0",
    "axis1": "dim1",
}
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class _Slot:
    """One parameter: its name, what fits it, and what it is if it is not given."""

    name: str
    takes_tensor: bool = False
    takes_list: bool = False
    variadic: bool = False
    untyped: bool = False
    named_only: bool = False
    usual: Any = _UNKNOWN


class Bound(NamedTuple):
    """Arguments by name, in the order of the signature, and what those are that are not given."""

    values: dict[str, Any]
    usual: Mapping[str, Any]


_Match = tuple[tuple[str, ...], int | None, Mapping[str, Any]]
_KEPT = 100_000
_known: dict[tuple[Any, tuple[type, ...], tuple[str, ...]], _Match] = {}


def bound(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bound:
    """The arguments of a call by name; by their places (``"0"``) where no signature fits.

    >>> import torch
    >>> x = torch.zeros(2, 3)
    >>> list(bound(torch.Tensor.mean, (x,), {"axis": 1}).values)
    ['input', 'dim']
    >>> bound(torch.Tensor.permute, (x, 1, 0), {}).values["dim"]
    (1, 0)
    """
    key = (function, tuple(map(type, args)), tuple(kwargs))
    found = _known.get(key)
    if found is None:
        found = _matched(function, args, kwargs)
        if len(_known) < _KEPT:
            _known[key] = found
    names, many, usual = found
    if many is None:
        values = dict(zip(names, args, strict=False))
    else:
        values = {**dict(zip(names[:many], args, strict=False)), names[many]: args[many:]}
    if kwargs:
        for name, value in kwargs.items():
            values[_SYNONYMS.get(name, name)] = value
        values = {name: values[name] for name in names if name in values} | values
    return Bound(values, usual)


def _matched(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Match:
    """The names of the arguments by place, and which one takes all that follow."""
    given = {_SYNONYMS.get(name, name): value for name, value in kwargs.items()}
    for slots, usual in _signatures(function):
        many = _fitted(slots, args, given)
        if many is not False:
            return tuple(slot.name for slot in slots), many, usual
    return tuple(map(str, range(len(args)))), None, {}


def _fitted(
    slots: tuple[_Slot, ...], args: tuple[Any, ...], given: Mapping[str, Any]
) -> int | Literal[False] | None:
    """False where a call does not fit; the place of an argument that takes all that follow."""
    many = None
    place, n = 0, len(args)
    for i, slot in enumerate(slots):
        if place < n and not slot.named_only:
            value = args[place]
            place += 1
            if slot.variadic and type(value) is int and place < n:
                if not all(type(v) is int for v in args[place:]):
                    return False
                many, place = i, n
            elif not _fits(slot, value):
                return False
        elif slot.name in given:
            if not _fits(slot, given[slot.name]):
                return False
        elif slot.usual is _UNKNOWN:
            return False
    return False if place < n else many


def _fits(slot: _Slot, value: Any) -> bool:
    if slot.untyped or value is None:
        return True
    if isinstance(value, Tensor):
        return slot.takes_tensor and not slot.takes_list
    if slot.takes_tensor:
        return slot.takes_list and isinstance(value, (list, tuple))
    return slot.takes_list or not isinstance(value, (list, tuple))


@lru_cache(maxsize=4096)
def _signatures(function: Any) -> list[tuple[tuple[_Slot, ...], Mapping[str, Any]]]:
    """Every overload's slots and usual values."""
    name = getattr(function, "__name__", "")
    found = [] if name.startswith("__") else _of_python(function)
    if not found:
        schemas = torch._C._jit_get_schemas_for_operator(f"aten::{_schema_name(name)}")
        found = [
            _of_schema(schema) for schema in schemas if not schema.overload_name.endswith("out")
        ]
    return [(slots, {s.name: s.usual for s in slots if s.usual is not _UNKNOWN}) for slots in found]


def _schema_name(name: str) -> str:
    """Of an operator, that of the function; ``__radd__`` swaps what it is given."""
    return _OPERATORS.get(name, name)


_OPERATORS = {
    **{f"__{name}__": name for name in ("add", "sub", "mul", "pow", "matmul", "eq", "ne")},
    **{f"__i{name}__": name for name in ("add", "sub", "mul", "pow")},
    "__truediv__": "div",
    "__itruediv__": "div",
    "__radd__": "add",
    "__rmul__": "mul",
    "__floordiv__": "floor_divide",
    "__mod__": "remainder",
    "multiply": "mul",
    "subtract": "sub",
    "divide": "div",
    "true_divide": "div",
    "concatenate": "cat",
    "concat": "cat",
}


def _of_schema(schema: Any) -> tuple[_Slot, ...]:
    slots = []
    for argument in schema.arguments:
        kind = str(argument.type)
        slots.append(
            _Slot(
                _SYNONYMS.get(argument.name, argument.name),
                takes_tensor="Tensor" in kind,
                named_only=argument.kwarg_only,
                takes_list="List" in kind,
                variadic="List" in kind and "Tensor" not in kind and argument.N is None,
                usual=argument.default_value if argument.has_default_value() else _UNKNOWN,
            )
        )
    return tuple(slots)


def _of_python(function: Any) -> list[tuple[_Slot, ...]]:
    """Of a function with a signature of its own; one that takes anything has none."""
    if not inspect.isfunction(function):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a wrapper of a function in C++
        return []
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return []
    return [
        tuple(
            _Slot(
                _SYNONYMS.get(p.name, p.name),
                untyped=True,
                named_only=p.kind is p.KEYWORD_ONLY,
                usual=_UNKNOWN if p.default is p.empty else p.default,
            )
            for p in parameters
        )
    ]
