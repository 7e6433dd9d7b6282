"""Pickling: what can be sent to another process, and how.

By name, as ``pickle`` does, where the other process is sure to find it. Otherwise by value, with
``cloudpickle``: functions of a notebook or of another function, lambdas. Only processes that this
one starts unpack what is packed here; nothing in a study is a pickle.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from functools import _lru_cache_wrapper, cached_property, lru_cache
from types import FunctionType
from typing import Any

import cloudpickle

from bonas.errors import InvalidArgument
from bonas.processes import script
from bonas.spaces.families import Family


def check_sendable(parts: Mapping[str, object], otherwise: str) -> None:
    """Check that all of ``parts`` (what it is -> the object) can go to another process by name.

    Raises:
        InvalidArgument: naming the first that cannot; ``otherwise`` is what to do instead.
    """
    _check(parts, otherwise, pickle.dumps)


def packed(what: object, parts: Mapping[str, object], otherwise: str) -> bytes:
    """Return an object as another process of this machine unpacks it.

    Raises:
        InvalidArgument: naming the first of its ``parts`` that cannot be sent; ``otherwise`` is
            what to do instead.
    """
    named = _by_name(what)
    if named is not None and script.finds(named[1]):
        return named[0]
    try:
        return by_value(what)
    except Exception:
        _check(parts, otherwise, by_value)
        raise


def by_value(what: object) -> bytes:
    """Return an object as a process unpacks it that does not run the same script.

    Raises:
        Exception: if it cannot be packed.
    """
    stream = io.BytesIO()
    _Packer(stream).dump(what)
    return stream.getvalue()


def unpacked(data: bytes) -> Any:
    """Return what another process has packed for this one.

    Raises:
        InvalidArgument: if that cannot be done here.
    """
    try:
        return cloudpickle.loads(data)
    except (Exception, SystemExit) as error:
        raise InvalidArgument(
            f"a worker cannot load what it was sent ({type(error).__name__}: {error}); take "
            "n_jobs=1, or put it into a module that can be imported where the workers run"
        ) from error


def _check(parts: Mapping[str, object], otherwise: str, dumps: Callable[[object], object]) -> None:
    for what, part in parts.items():
        try:
            dumps(part)
        except Exception as error:
            raise InvalidArgument(
                f"{what} cannot be sent to another process ({error}); {otherwise}, or make it of "
                "functions and classes that stand at the top of a module"
            ) from error


def _by_name(what: object) -> tuple[bytes, set[str]] | None:
    """Return an object packed by names, with those of the script; None if it cannot be packed."""
    stream = io.BytesIO()
    packer = _Named(stream)
    try:
        packer.dump(what)
    except Exception:
        return None
    return stream.getvalue(), packer.names


class _Named(pickle.Pickler):
    """A pickler by names that collects those of the script."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.names: set[str] = set()

    def reducer_override(self, what: Any) -> Any:
        function = what.function if isinstance(what, Family) else what
        is_named = isinstance(function, (type, FunctionType, _lru_cache_wrapper))
        if is_named and function.__module__ == script.MAIN:
            self.names.add(function.__qualname__)
        return NotImplemented


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """A pickler by value of all that only the script defines, also of what knows its own name."""

    def reducer_override(self, what: Any) -> Any:
        if isinstance(what, Family) and what.function.__module__ == script.MAIN:
            return what.by_value()
        if isinstance(what, cached_property):  # it has a lock, before Python 3.12
            return _property, (what.func, what.attrname)
        if isinstance(what, _lru_cache_wrapper) and what.__module__ == script.MAIN:
            return _cached, (what.__wrapped__, what.cache_parameters())
        return super().reducer_override(what)


def _property(function: Callable[[Any], object], name: str | None) -> cached_property[object]:
    made = cached_property(function)
    made.attrname = name
    return made


def _cached(function: Callable[..., object], settings: dict[str, Any]) -> object:
    return lru_cache(**settings)(function)
