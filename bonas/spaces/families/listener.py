"""Listeners: who wants to know what a builder asks for while it runs, beside its chooser.

A supernet names the weights of a network by the options whose functions made them, and a gradient
search scales the outputs of modules that options consist of; the network itself shows neither. A
listener belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, Protocol

from torch import nn

from bonas.spaces.architecture import Choice


class Listener(Protocol):
    """What follows the questions of a run."""

    def asked(self, name: str) -> None:
        """Note that a name is asked for."""
        ...

    def calling(self, name: str, option: object) -> AbstractContextManager[None]:
        """Return a context that is open while the function of an option runs."""
        ...

    def copied(self, name: str, option: Choice, module: nn.Module) -> None:
        """Note the module that an option consists of, copied for this network."""
        ...


_current: ContextVar[Listener | None] = ContextVar("_current", default=None)


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Let a listener, or nobody, follow the runs inside."""
    token = _current.set(listener)
    try:
        yield
    finally:
        _current.reset(token)


def current_listener() -> Listener | None:
    """Return the listener of this thread; None if there is none."""
    return _current.get()


def calling(name: str, option: object) -> AbstractContextManager[None]:
    """Return the context in which the function of an option runs."""
    listener = _current.get()
    return nullcontext() if listener is None else listener.calling(name, option)


def note_asked(name: str) -> None:
    """Notify the listener, if there is one, that a name is asked for."""
    listener = _current.get()
    if listener is not None:
        listener.asked(name)


def note_copied(name: str, option: Choice, picked: object) -> None:
    """Notify the listener, if there is one, of an option that is a module."""
    listener = _current.get()
    if listener is not None and isinstance(picked, nn.Module):
        listener.copied(name, option, picked)


_picked: ContextVar[list[tuple[str, nn.Module]] | None] = ContextVar("_picked", default=None)


@contextmanager
def noting_modules() -> Iterator[list[tuple[str, nn.Module]]]:
    """Note the modules that options consist of, with the names that are asked for.

    Each is an object of its own, also where one without state is an option in several places.
    """
    found: list[tuple[str, nn.Module]] = []
    token = _picked.set(found)
    try:
        yield found
    finally:
        _picked.reset(token)


def note_module(name: str, picked: Any) -> Any:
    """Return what an option consists of; if it is a module, and somebody notes them, note it."""
    found = _picked.get()
    if found is None or not isinstance(picked, nn.Module):
        return picked
    own = picked if picked.state_dict() else deepcopy(picked)
    found.append((name, own))
    return own
