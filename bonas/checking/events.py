"""Events: what a child process says of its work, step by step, so that its end loses nothing.

Each event is a pickle, appended to a file and flushed: whatever ends the child, its parent reads
what it had said by then.
"""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bonas.checking.origin import origin_of
from bonas.errors import BonasError
from bonas.evaluation.failure import Kind, kind_of, text_of

_LONGEST = 400  # characters of a message


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that a step raised.

    Attributes:
        kind: The name of its class.
        text: Its message.
        place: The line that it came from, of the user's code if it passed any.
        is_explained: Whether the message says what to do, as those of bonas do.
        failure: The kind of failure that it is.
    """

    kind: str
    text: str
    place: str = ""
    is_explained: bool = False
    failure: Kind = "exception"

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        """Return the problem that an error is."""
        text = " ".join(text_of(error).split())
        known = isinstance(error, BonasError)
        if len(text) > _LONGEST and not known:
            text = f"{text[:_LONGEST]}..."
        place = "" if known else origin_of(error)
        return cls(type(error).__name__, text, place, known, kind_of(error))

    def __str__(self) -> str:
        """Return class, message and place."""
        text = f"{self.kind}: {self.text}" if self.text else self.kind
        return f"{text} ({self.place})" if self.place else text


@dataclass(frozen=True, slots=True)
class Event:
    """What is known of a step.

    Attributes:
        step: Its name.
        state: ``"begun"``, ``"done"`` or ``"failed"``.
        facts: What it found by then.
        seconds: Since it began.
        problem: Why it failed.
    """

    step: str
    state: str
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    problem: Problem | None = None


class StepFailed(Exception):
    """A step has failed, and its event is written: what follows it cannot be done."""


class EventLog:
    """Writes events to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Run a step, which notes what it finds in the mapping.

        Raises:
            StepFailed: if it raises an error.
        """
        facts: dict[str, Any] = {}
        began = time.perf_counter()
        self.note(name, facts)
        try:
            yield facts
        except StepFailed:
            raise
        except BaseException as error:
            self._write(
                Event(name, "failed", facts, time.perf_counter() - began, Problem.of(error))
            )
            traceback.print_exc()
            raise StepFailed(name) from error
        self._write(Event(name, "done", facts, time.perf_counter() - began))

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Write what a step knows so far."""
        self._write(Event(name, "begun", dict(facts)))

    def _write(self, event: Event) -> None:
        with self._path.open("ab") as file:
            pickle.dump(event, file)


def read_events(path: Path) -> dict[str, Event]:
    """Return the latest event of each step, in the order in which they began."""
    found: dict[str, Event] = {}
    if not path.exists():
        return found
    with path.open("rb") as file:
        while True:
            try:
                event = pickle.load(file)
            except (EOFError, pickle.UnpicklingError):  # the child was ended while it wrote
                return found
            found[event.step] = event
