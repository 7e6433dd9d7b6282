"""One isolated evaluation, seen from the search: its messages, its limits and its end."""

from __future__ import annotations

import contextlib
import logging
import math
import pickle
import random
import signal
import time
from collections.abc import Generator
from functools import lru_cache
from typing import Any

import torch
from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from bonas import errors
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.failure import Failed, Failure, Kind, signal_name
from bonas.evaluation.isolation import child
from bonas.evaluation.isolation.forwarding import answer
from bonas.evaluation.measurement import Measurement
from bonas.processes.limits import kills_for_memory, resident_bytes
from bonas.processes.server import Child

_LOOK = 0.02  # seconds between two looks at the memory of a child
_END = 30.0  # seconds that an evaluation may take to end after it was stopped
_logger = logging.getLogger(__name__)


class Run:
    """One candidate in its process, until that ends.

    Args:
        process: Its process.
        candidate: It.
        phase: What is at work until the process says so.
        time_limit: Seconds; None for any time. What the consumer of the measurements takes is not
            counted.
        memory_limit: Bytes; None for any number.
        killed: How many processes the kernel had killed for want of memory as it began.
    """

    def __init__(
        self,
        process: Child,
        candidate: Candidate,
        phase: str,
        time_limit: float | None,
        memory_limit: float | None,
        killed: int,
    ) -> None:
        self._process, self._candidate, self._phase = process, candidate, phase
        self._time_limit, self._memory_limit, self._killed = time_limit, memory_limit, killed
        self._left = math.inf if time_limit is None else time_limit
        self._errors: list[Exception] = []  # that calls of the trial have raised

    def measurements(self) -> Generator[Measurement, None, None]:
        """Yield what is measured; raise what ends the evaluation."""
        while True:
            word, *rest = self._heard()
            if word == child.END:
                rest[0].apply()
                return
            if word == child.FAILED:
                rest[1].apply()
                raise self._error(rest[0])
            if word == child.ITEM:
                yield from self._passed_on(*rest)
            elif word == child.CALL:
                self._answer(*rest)
            elif word == child.PHASE:
                self._phase = rest[0]
            elif word == child.LOG:
                _log(*rest)

    def _passed_on(
        self, values: Any, step: int | None, seconds: float, fidelity: float | None
    ) -> Generator[Measurement, None, None]:
        if not isinstance(values, dict):
            raise errors.ObjectivesMissing(
                f"expected the evaluation to return or yield measurements, got {_shown(values)!r}; "
                'return a mapping such as {"accuracy": 1.0}'
            )
        plain = {_shown(name): _shown(value) for name, value in values.items()}
        try:
            yield Measurement(plain, step, seconds, fidelity)
        except GeneratorExit:
            self._left = min(self._left, _END)
            self._reply(child.CLOSE)
            with contextlib.suppress(Exception):  # of its end: what it measured is known
                for _ in self.measurements():
                    pass
            raise
        self._reply(child.NEXT)

    def _heard(self) -> Any:
        """Return the next message.

        Raises:
            Failed: if the process ends, or has to be ended, without one.
        """
        look = None if self._memory_limit is None else _LOOK
        connection = self._process.connection
        while True:
            began = time.monotonic()
            most = [x for x in (look, self._left) if x is not None and x < math.inf]
            self._process.wait(max(0.0, min(most)) if most else None)
            self._left -= time.monotonic() - began
            try:
                if connection.poll():
                    return pickle.loads(connection.recv_bytes(2 * child.LARGEST))
                ended = self._process.poll() is not None
            except Exception as error:  # its end of the pipe is closed, or holds anything
                ended = True
                self._process.join(0.5)
                _logger.debug("an isolated evaluation cannot be heard: %r", error)
            if ended:
                raise self._ended()
            if self._left <= 0:
                raise self._too_long()
            limit = self._memory_limit
            if limit is not None and resident_bytes(self._process.pid) > limit:
                self._process.kill()
                raise self._failed(
                    "out_of_memory", f"killed: it took more than memory_limit={limit:.4g} bytes"
                )

    def _answer(self, target: str, name: str, args: Any, kwargs: Any) -> None:
        trial = self._candidate.trial
        assert isinstance(trial, Trial)
        try:
            self._reply(child.VALUE, answer(trial, target, name, args, kwargs))
        except Exception as error:
            self._errors.append(error)
            number = len(self._errors) - 1
            try:
                self._reply(child.RAISED, number, error)
            except Exception:  # it cannot be sent
                plain = RuntimeError(f"{type(error).__name__}: {error}")
                self._reply(child.RAISED, number, plain)

    def _reply(self, *message: Any) -> None:
        data = pickle.dumps(message)
        with contextlib.suppress(OSError):  # its end is closed: the next look at it sees that
            self._process.connection.send_bytes(data)

    def _error(self, report: child.Report) -> Exception:
        """Return the error that a report stands for."""
        if report.call is not None and report.call < len(self._errors):
            return self._errors[report.call]
        if report.is_pruned:
            return TrialPruned(report.message)
        if report.known_as == errors.ObjectivesMissing.__name__:
            missing = errors.ObjectivesMissing(report.message)
            missing.values = report.values
            return missing
        message = f"{report.name}: {report.message}" if report.message else report.name
        failed = Failed(report.failure, message, (report.name, *report.origin))
        failed.values = report.values
        return failed

    def _ended(self) -> Failed:
        """Return the failure of a process that ended without a result."""
        status = self._process.join(1.0)
        if status is None:
            self._process.kill()
            return self._failed("crash", "killed: it had closed its connection to the search")
        _advance()
        if status == -signal.SIGKILL:
            if kills_for_memory() > self._killed:
                return self._failed(
                    "out_of_memory", "killed by the kernel for want of memory", -status
                )
            text = "killed by SIGKILL, not by bonas: another program, or for want of memory"
            return self._failed("crash", text, -status)
        if status < 0:
            return self._failed("crash", f"ended by {signal_name(-status)}", -status)
        return self._failed("crash", f"ended with exit status {status} and no result")

    def _too_long(self) -> Failed:
        self._process.interrupt()
        limit = self._time_limit
        return self._failed("time_limit", f"killed: it took longer than time_limit={limit} s")

    def _failed(self, kind: Kind, what: str, number: int | None = None) -> Failed:
        lines = self._process.where().splitlines()
        where = "\n".join(line for line in lines if not line.startswith("Extension modules:"))
        message = f"in the phase {self._phase!r}, the process of the evaluation was {what}"
        text = f"{where.rstrip()}\n{message}\n" if where.strip() else f"{message}\n"
        return Failed(Failure(kind, self._phase, text, number), message, (kind, self._phase))


def _shown(value: object) -> Any:
    """Return a value of a message; one that is no number looks as it did."""
    if not isinstance(value, child.Shown):
        return value
    text = value.text
    return type(value.kind, (), {"__repr__": lambda self: text})()


def _advance() -> None:
    """Draw from the global generators, so that the next evaluation does not repeat this one."""
    random.random()
    torch.rand(1)


def _log(name: str, level: int, message: str) -> None:
    if level < logging.WARNING:
        logging.getLogger(name).log(level, "%s", message)
    else:
        _log_once(name, level, message)


@lru_cache(maxsize=1000)
def _log_once(name: str, level: int, message: str) -> None:
    """Log a warning; what logs it once per process does so in each process."""
    logging.getLogger(name).log(level, "%s", message)
