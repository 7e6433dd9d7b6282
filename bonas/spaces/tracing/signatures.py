"""The arguments of a torch function by name, however they were passed.

A function written in Python has a signature. For one written in C++, torch keeps a schema of each
overload; the first that fits is taken. Synonyms (``axis`` for ``dim``) become one name, and numbers
passed one after another (``x.permute(0, 2, 1)``) become one tuple.
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
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class _Slot:
    """One parameter: its name, which values fit it, and its default."""

    name: str
    takes_tensor: bool = False
    takes_list: bool = False
    variadic: bool = False
    untyped: bool = False
    named_only: bool = False
    default: Any = _REQUIRED


class BoundArguments(NamedTuple):
    """Arguments by name, in the order of the signature, and the defaults of all parameters."""

    values: dict[str, Any]
    defaults: Mapping[str, Any]


_Match = tuple[tuple[str, ...], int | None, Mapping[str, Any]]
_MOST = 100_000  # cached matches
_matches: dict[tuple[Any, tuple[type, ...], tuple[str, ...]], _Match] = {}


def bind(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> BoundArguments:
    """Return the arguments of a call by name, or by position (``"0"``) where no signature fits.

    >>> import torch
    >>> x = torch.zeros(2, 3)
    >>> list(bind(torch.Tensor.mean, (x,), {"axis": 1}).values)
    ['input', 'dim']
    >>> bind(torch.Tensor.permute, (x, 1, 0), {}).values["dim"]
    (1, 0)
    """
    key = (function, tuple(map(type, args)), tuple(kwargs))
    match = _matches.get(key)
    if match is None:
        match = _match(function, args, kwargs)
        if len(_matches) < _MOST:
            _matches[key] = match
    names, many, defaults = match
    if many is None:
        values = dict(zip(names, args, strict=False))
    else:
        values = {**dict(zip(names[:many], args, strict=False)), names[many]: args[many:]}
    if kwargs:
        for name, value in kwargs.items():
            values[_SYNONYMS.get(name, name)] = value
        values = {name: values[name] for name in names if name in values} | values
    return BoundArguments(values, defaults)


def _match(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Match:
    """Find the parameter names by position, the variadic parameter if one is, and the defaults."""
    given = {_SYNONYMS.get(name, name): value for name, value in kwargs.items()}
    for slots, defaults in _signatures(function):
        many = _fit(slots, args, given)
        if many is not False:
            return tuple(slot.name for slot in slots), many, defaults
    return tuple(map(str, range(len(args)))), None, {}


def _fit(
    slots: tuple[_Slot, ...], args: tuple[Any, ...], given: Mapping[str, Any]
) -> int | Literal[False] | None:
    """Match the arguments of a call to one signature.

    Returns:
        False if they do not fit; the position of the parameter that takes all arguments that
        follow; or None if no parameter does.
    """
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
        elif slot.default is _REQUIRED:
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
    """Return the slots and the defaults of every overload."""
    name = getattr(function, "__name__", "")
    found = [] if name.startswith("__") else _of_python(function)
    if not found:
        schemas = torch._C._jit_get_schemas_for_operator(f"aten::{_schema_name(name)}")
        found = [
            _of_schema(schema) for schema in schemas if not schema.overload_name.endswith("out")
        ]
    return [
        (slots, {slot.name: slot.default for slot in slots if slot.default is not _REQUIRED})
        for slots in found
    ]


def _schema_name(name: str) -> str:
    """Return the name of the function that an operator calls, its arguments swapped or not."""
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
                default=argument.default_value if argument.has_default_value() else _REQUIRED,
            )
        )
    return tuple(slots)


def _of_python(function: Any) -> list[tuple[_Slot, ...]]:
    """Read a Python function's own signature; one of ``*args`` or ``**kwargs`` does not count."""
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
                default=_REQUIRED if p.default is p.empty else p.default,
            )
            for p in parameters
        )
    ]
