"""Options of any kind, each with the name that a study stores for it.

    None, a bool, a number, a string   itself; converted to plain Python from NumPy or an enum
    another member of an enum          its name
    a list, a tuple, a dict, a set     its text, with the names of its items
    a class, a function                its ``__name__``; with its module where two have the same
    a partial                          the name of its function, and its arguments
    anything else                      its text, or its type where that holds an address

Optuna stores plain values only, and a study that is opened again must find the same ones.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, KeysView, Mapping, Sequence, Set, Sized, ValuesView
from dataclasses import dataclass
from enum import Enum, EnumType
from typing import Any
from zlib import crc32

import numpy as np
from torch import Tensor, nn

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice

Options = tuple[Choice, ...]

_LONGEST = 120  # characters of a name; a longer one ends with a checksum


@dataclass(frozen=True, slots=True)
class NamedOptions:
    """The options of a choice: the names that a study stores, and the objects behind them."""

    names: Options
    objects: Sequence[Any]


def named_options(name: str, given: object) -> NamedOptions:
    """Check the options of a choice, and give each a name.

    Raises:
        InvalidSpace: if there is none, two are equal, or two have the same name.

    >>> from torch import nn
    >>> named_options("norm", [None, nn.BatchNorm2d, [16, 32], np.int64(3)]).names
    (None, 'BatchNorm2d', '[16, 32]', 3)
    """
    objects = _listed(name, given)
    if all(type(x) in (bool, int, str) for x in objects):
        names = objects
    else:
        names = _disambiguated([_name(x) for x in objects], objects)
    if len(set(names)) < len(names):
        _refuse_repeated(name, names, objects)
    return NamedOptions(tuple(names), objects)


def _listed(name: str, given: object) -> Sequence[Any]:
    ordered = (Sequence, KeysView, ValuesView, Mapping, EnumType)
    if isinstance(given, (np.ndarray, Tensor)) and given.ndim == 1:
        return list(given)
    is_list = isinstance(given, ordered) and not isinstance(given, (str, bytes))
    if is_list and isinstance(given, Iterable) and isinstance(given, Sized) and len(given):
        return list(given)
    more = "; a set has no order" if isinstance(given, Set) else ""
    raise InvalidSpace(
        f"the options of {name!r} must be a non-empty list or a dict, got {given!r}{more}"
    )


def _name(option: Any) -> Choice:
    """Return the name of one option: plain values as they are, a text for others."""
    if isinstance(option, Enum):
        return _name(option.value) if isinstance(option, (str, int, float)) else option.name
    if isinstance(option, Tensor) and option.ndim == 0 and not option.is_meta:
        option = option.item()
    plain = _plain(option)
    return _short(_text(option)) if plain is _NOT_PLAIN else plain


_NOT_PLAIN: Any = object()


def _plain(option: Any) -> Any:
    if option is None or isinstance(option, (bool, np.bool_)):
        return None if option is None else bool(option)
    if isinstance(option, (int, np.integer)):
        return int(option)
    if isinstance(option, (float, np.floating)):
        return "nan" if math.isnan(option) else float(option)  # nan is not equal to itself
    return str(option) if isinstance(option, str) else _NOT_PLAIN


def _text(item: Any) -> str:
    """Return a text that is the same in every process."""
    if isinstance(item, Enum):
        return item.name
    if isinstance(item, (np.ndarray, Tensor)):
        return f"{type(item).__name__}{tuple(item.shape)}" if _is_meta(item) else str(item.tolist())
    if isinstance(item, list):
        return f"[{', '.join(map(_text, item))}]"
    if isinstance(item, tuple):
        return f"({', '.join(map(_text, item))}{',' if len(item) == 1 else ''})"
    if isinstance(item, (Mapping, Set)):
        return "{" + ", ".join(_parts(item)) + "}"
    if isinstance(item, functools.partial):
        words = [f"{key}={_text(value)}" for key, value in item.keywords.items()]
        return f"{_text(item.func)}({', '.join([*map(_text, item.args), *words])})"
    plain = _plain(item)
    if plain is not _NOT_PLAIN:
        return repr(plain)
    return _object_text(item)


def _parts(item: Mapping[Any, Any] | Set[Any]) -> list[str]:
    if isinstance(item, Mapping):
        return [f"{_text(key)}: {_text(value)}" for key, value in item.items()]
    return sorted(map(_text, item))


def _object_text(item: Any) -> str:
    """Return the name of a class or function; an object's text, or its type if that is unfit."""
    own: object = getattr(item, "__name__", None)
    if isinstance(own, str):
        return own
    text = str(item)
    kind = type(item).__name__
    is_long = isinstance(item, nn.Module) and "\n" in text
    return kind if is_long or " at 0x" in text or " object at " in text else text


def _is_meta(item: object) -> bool:
    return isinstance(item, Tensor) and item.is_meta


def _short(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 13]}... {crc32(text.encode()):08x}"


def _disambiguated(names: Sequence[Choice], objects: Sequence[Any]) -> Sequence[Choice]:
    """Add the module to the names of classes and functions that have the same name."""
    return [
        f"{item.__module__}.{item.__qualname__}"
        if names.count(name) > 1 and hasattr(item, "__qualname__") and hasattr(item, "__module__")
        else name
        for name, item in zip(names, objects, strict=True)
    ]


def _refuse_repeated(name: str, names: Sequence[Choice], objects: Sequence[Any]) -> None:
    """Raise an error that names the two options that are the same.

    Raises:
        InvalidSpace: always.
    """
    second = next(i for i, own in enumerate(names) if own in names[:i])
    first = names.index(names[second])
    one, other = objects[first], objects[second]
    if one is other or not isinstance(names[second], str) or isinstance(one, str):
        raise InvalidSpace(
            f"{name!r} repeats an option: {list(objects)}; {one!r} and {other!r} are the same, "
            "leave one out"
        )
    raise InvalidSpace(
        f"{name!r} has two options named {names[second]!r}: {one!r} and {other!r}; "
        f'give each a name of its own, in a dict: {{"first": ..., "second": ...}}'
    )
