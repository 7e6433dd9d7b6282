"""Signals that end a process: they raise an exception, and never between two writes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, or any signal to a worker process."""


def sigterm_interrupts() -> AbstractContextManager[None]:
    """Let SIGTERM interrupt the evaluation, as Ctrl-C does, unless the program handles it."""
    return _terminating(signal.SIGTERM, signal.SIG_DFL)


def sigint_terminates() -> AbstractContextManager[None]:
    """Let SIGINT raise ``Terminated``, so that a ``KeyboardInterrupt`` is the evaluation's own."""
    return _terminating(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _terminating(number: signal.Signals, default: Any) -> Iterator[None]:
    """Let a signal raise ``Terminated`` in the block, if its handler was the default one."""
    if not _is_main() or signal.getsignal(number) is not default:
        yield
        return
    signal.signal(number, raise_terminated)
    try:
        yield
    finally:
        signal.signal(number, default)


@contextmanager
def held_back() -> Iterator[None]:
    """Delay the first SIGINT or SIGTERM of a block until its end; a second one acts at once."""
    if not _is_main():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    came: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))
        _restore(before)

    for known, handler in before.items():
        if callable(handler):  # neither ignored nor left to the system
            signal.signal(known, note)
    try:
        yield
    finally:
        _restore(before)
        for number, frame in came:
            handler = before[signal.Signals(number)]
            assert callable(handler)
            handler(number, frame)


def is_own(error: KeyboardInterrupt) -> bool:
    """Return whether the evaluation raised the error, and not a signal."""
    if isinstance(error, Terminated):
        return False
    return not _is_main() or signal.getsignal(signal.SIGINT) is raise_terminated


def raise_terminated(number: int, frame: FrameType | None) -> None:
    """Raise ``Terminated``: the handler of a signal."""
    raise Terminated


def _restore(handlers: Mapping[signal.Signals, object]) -> None:
    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, handler)


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
