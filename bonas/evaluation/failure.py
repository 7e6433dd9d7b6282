"""Failure: why an evaluation gave no result, and in which phase it was.

=================  =============================================================================
kind               the evaluation
=================  =============================================================================
``out_of_memory``  was refused memory, on the CPU or on a device, or was killed for taking it
``time_limit``     took longer than it may
``crash``          ended its process: by a signal, or by an exit without a result
``nan``            gave a value, a loss or an output that is not finite
``exception``      raised anything else
=================  =============================================================================

A phase is the evaluator that was at work (``training``, ``latency``, the name of a function), or
``build`` while the space builds the network.
"""

from __future__ import annotations

import errno
import re
import signal as signals
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import torch

from bonas.errors import EvaluationFailed, NotFinite

Kind = Literal["out_of_memory", "time_limit", "crash", "nan", "exception"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
BUILD: Final = "build"
"""The phase in which the space builds the network."""

_REFUSED = re.compile(  # memory, by allocators whose errors have no class of their own
    r"can't allocate memory|not enough memory|out of memory|cannot allocate memory"
    r"|failed to allocate memory|std::bad_alloc|ALLOC_FAILED",
    re.IGNORECASE,
)
_PHASE = "_bonas_phase"  # the attribute of an error that holds the innermost phase it left

Listener = Callable[[str], object]
_phase: ContextVar[str] = ContextVar("phase", default="")
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an evaluation failed.

    Attributes:
        kind: One of ``KINDS``.
        phase: What was at work; empty if unknown.
        text: The traceback, or what is known of a process that ended.
        signal: The number of the signal that ended the process; None if none did.
    """

    kind: Kind
    phase: str
    text: str
    signal: int | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure that an error of an evaluation stands for."""
        if isinstance(error, Failed):
            return error.failure
        return cls(kind_of(error), phase_of(error), traceback_of(error))

    @classmethod
    def stored_as(cls, stored: Mapping[str, Any] | None, text: str) -> Failure:
        """Return the failure of a trial from ``stored`` and its traceback.

        What older versions did not store, or another program spoilt, is an ``exception``.
        """
        found = stored or {}
        kind, phase, number = (found.get(name) for name in ("kind", "phase", "signal"))
        return cls(
            kind if kind in KINDS else "exception",
            phase if isinstance(phase, str) else "",
            text,
            number if isinstance(number, int) and not isinstance(number, bool) else None,
        )

    def stored(self) -> dict[str, Any]:
        """Return all but the text, as JSON values."""
        number = {} if self.signal is None else {"signal": self.signal}
        return {"kind": self.kind, "phase": self.phase, **number}

    @property
    def message(self) -> str:
        """The last line of the traceback."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


class Failed(EvaluationFailed):
    """The failure of an evaluation that ran, or ended, elsewhere.

    Attributes:
        failure: Why.
        origin: What two failures of the same cause have in common, such as the class of an error
            and the line that raised it.
    """

    def __init__(self, failure: Failure, message: str, origin: tuple[object, ...]) -> None:
        super().__init__(message)
        self.failure, self.origin = failure, origin


def kind_of(error: BaseException) -> Kind:
    """Return the kind of an error: its own, or that of what it was raised from."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if isinstance(cause, Failed):
            return cause.failure.kind
        if _is_refused_memory(cause):
            return "out_of_memory"
        if isinstance(cause, (NotFinite, FloatingPointError)):
            return "nan"
        seen.append(cause)
        cause = cause.__cause__
    return "exception"


def _is_refused_memory(error: BaseException) -> bool:
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_REFUSED.search(text_of(error)))


def text_of(error: BaseException) -> str:
    """Return the message of an error, also of one that cannot be shown."""
    try:
        return str(error)
    except Exception:
        return f"<{type(error).__name__} without a message: its __str__ raises>"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error, also of one that cannot be shown."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        lines = traceback.format_tb(error.__traceback__)
        return "".join([*lines, f"{type(error).__name__}: {text_of(error)}\n"])


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Name what is at work in the block; an error that leaves it keeps the innermost name."""
    before = _phase.get()
    _enter(name)
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException as error:
        if not phase_of(error):
            with suppress(AttributeError, TypeError):  # of an error with slots
                setattr(error, _PHASE, name)
        raise
    finally:
        _enter(before)


def phase_of(error: BaseException) -> str:
    """Return the innermost phase that an error has left; empty if none."""
    found: object = vars(error).get(_PHASE) if hasattr(error, "__dict__") else None
    return found if isinstance(found, str) else ""


def listen(listener: Listener | None) -> None:
    """Let ``listener`` hear each phase as it begins, in this context; None lets none."""
    _listener.set(listener)


def _enter(name: str) -> None:
    _phase.set(name)
    listener = _listener.get()
    if listener is not None:
        listener(name)


def signal_name(number: int) -> str:
    """Return the name of a signal.

    >>> signal_name(11)
    'SIGSEGV'
    """
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
