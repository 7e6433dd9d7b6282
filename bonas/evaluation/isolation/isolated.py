"""Isolated: an evaluator in a fresh process for each candidate, with limits on time and memory.

The process is a fork of a server that holds evaluator and space (``bonas.processes.server``). What
it measures comes over a pipe as it is measured, and its trial's calls are made here, so that nothing
is different for the search: early stopping, learning curves, inherited weights, reports and
attributes, ``study.stop()``, pruning, the random numbers. Whatever ends the process, or makes it too
slow or too large, is the failure of one candidate.
"""

from __future__ import annotations

import contextlib
import logging
import math
import pickle
import random
import signal
import time
from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Any

import torch
from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial, Trial

from bonas import errors
from bonas.arguments import check_positive
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import (
    declared_cost,
    declared_description,
    declared_objectives,
    phase_name,
)
from bonas.evaluation.evaluator import Evaluator, StreamingEvaluator
from bonas.evaluation.failure import Failed, Failure, Kind, signal_name
from bonas.evaluation.isolation import child
from bonas.evaluation.isolation.forwarding import answer
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import Objective
from bonas.evaluation.stages import Stages
from bonas.optuna_internals import id_of_trial
from bonas.processes.limits import kills_for_memory, private_bytes, resident_bytes
from bonas.processes.pickling import packed
from bonas.processes.server import Child, ChildServer
from bonas.spaces import Space

_LOOK = 0.02  # seconds between two looks at the memory of a child
_END = 30.0  # seconds that an evaluation may take to end after it was stopped
_SPARE = 2e8  # bytes that a limit leaves to an evaluation at least, beyond what a process has
_logger = logging.getLogger(__name__)


class Isolated(StreamingEvaluator):
    """An evaluator that runs another one in a fresh process for each candidate.

    Its objectives, its description and its cost are those of the other one. The first candidate
    waits until a process has imported everything; each later one costs hundredths of a second.

    A failure of the process is that of the candidate, and is stored with its kind: ``crash`` (a
    segmentation fault, ``os._exit``), ``time_limit``, ``out_of_memory``. What the evaluation prints
    is shown as before. Changes that it makes to objects of this process, such as a list to which it
    appends, stay in its own.

    Args:
        evaluate: The evaluator; also a function of a notebook, or a lambda.
        time_limit: Seconds that it may take for a candidate; None for any time.
        memory_limit: Bytes of memory that its process may have; None for any number. Beyond it
            allocations on the CPU fail (Linux; not counted is the memory of a GPU).

    Raises:
        InvalidArgument: for limits that are no positive numbers, or less memory than a process
            needs that has imported torch and bonas.
    """

    def __init__(
        self,
        evaluate: Evaluator,
        *,
        time_limit: float | None = None,
        memory_limit: float | None = None,
    ) -> None:
        if not callable(evaluate) or isinstance(evaluate, type):
            raise InvalidArgument(
                f"expected an evaluator to isolate, got {evaluate!r}; give a function of a "
                "candidate, or an object such as ShortTraining()"
            )
        check_limits(time_limit, memory_limit)
        self.evaluate = evaluate
        self.time_limit, self.memory_limit = time_limit, memory_limit
        self._given: Mapping[str, float] = {}
        self._served = _Served()

    def __repr__(self) -> str:
        limits = f"time_limit={self.time_limit}, memory_limit={self.memory_limit}"
        return f"Isolated({self.evaluate!r}, {limits})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_served": _Served()}  # a process has its own children

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those of the evaluator."""
        return declared_objectives(self.evaluate)

    @property
    def evaluators(self) -> tuple[Evaluator, ...]:
        """What it isolates, part by part."""
        if isinstance(self.evaluate, Stages):
            return tuple(self.evaluate.evaluators)
        return (self.evaluate,)

    @property
    def cost(self) -> float:
        """Seconds per candidate that the evaluator declares; infinite if it does not."""
        return declared_cost(self.evaluate)

    @property
    def phase(self) -> str:
        """The name of the evaluator."""
        return phase_name(self.evaluate)

    def describe(self) -> dict[str, Any]:
        """Return what decides the objectives, as the evaluator says."""
        return declared_description(self.evaluate)

    def given(self, values: Mapping[str, float]) -> Isolated:
        """Return an evaluator with the same processes whose ``Stages`` are given ``values``."""
        other = Isolated(self.evaluate, time_limit=self.time_limit, memory_limit=self.memory_limit)
        other._given, other._served = dict(values), self._served
        return other

    def start(self, space: Space) -> None:
        """Start the server of the processes, which takes seconds, if there is none yet.

        Raises:
            InvalidArgument: if the evaluator or the space cannot be sent to another process.
        """
        self._served.of(self.evaluate, space)

    def close(self) -> None:
        """End the server of the processes; the next candidate starts another one."""
        self._served.close()

    def measurements(self, candidate: Candidate) -> Generator[Measurement, None, None]:
        """Yield the measurements of one candidate as they are made.

        Raises:
            Failed: if the evaluation raised, or its process ended, in any way.
            TrialPruned: if the evaluation raised it.
            Exception: what a call of its trial has raised.
        """
        server = self._served.of(self.evaluate, candidate.space)
        request = self._request(candidate)
        killed = kills_for_memory()
        try:
            process = server.child(request)
        except OSError:  # the server was killed before; once more
            process = server.child(request)
        run = _Run(process, candidate, self, killed)
        try:
            yield from run.measurements()
        finally:
            process.close()

    def _request(self, candidate: Candidate) -> bytes:
        trial = candidate.trial
        is_live = isinstance(trial, Trial)
        return pickle.dumps(
            child.Request(
                candidate.choices,
                dict(candidate.values),
                tuple(candidate.rungs),
                trial if isinstance(trial, FrozenTrial) else None,
                trial.study.study_name if isinstance(trial, Trial) else "",
                id_of_trial(trial) if is_live else -1,
                self._given,
                self.memory_limit,
                child.Settings.here(),
                child.RandomStates.here(),
            )
        )


class _Served:
    """The server for an evaluator and a space, started when it is first asked for."""

    def __init__(self) -> None:
        self._server: ChildServer | None = None
        self._space: Space | None = None

    def of(self, evaluate: Evaluator, space: Space) -> ChildServer:
        """Return the server."""
        if self._server is None or self._space is not space:
            self.close()
            parts = {"evaluate": evaluate, "the space": space}
            work = child.Evaluation(evaluate, space)
            self._server = ChildServer(packed(work, parts, "take isolation=None"))
            self._space = space
        return self._server

    def close(self) -> None:
        """End the server."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


class _Run:
    """One candidate in its process, until that ends."""

    def __init__(self, process: Child, candidate: Candidate, limits: Isolated, killed: int) -> None:
        self._process, self._candidate, self._limits = process, candidate, limits
        self._killed = killed
        self._phase = limits.phase
        self._left = math.inf if limits.time_limit is None else limits.time_limit
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
        look = None if self._limits.memory_limit is None else _LOOK
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
            limit = self._limits.memory_limit
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
        limit = self._limits.time_limit
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


def check_limits(time_limit: object, memory_limit: object) -> None:
    """Check limits of an evaluation.

    Raises:
        InvalidArgument: if one is no positive number, or less memory than a process needs.
    """
    if time_limit is not None:
        check_positive("time_limit", time_limit, advice="give seconds, such as 600")
    if memory_limit is not None:
        check_positive("memory_limit", memory_limit, advice="give bytes, such as 4e9")
        assert isinstance(memory_limit, (int, float))
        least = private_bytes_at_start() + _SPARE
        if memory_limit < least:
            raise InvalidArgument(
                f"expected memory_limit to be at least {least:.2g} bytes, since a process with "
                f"torch and bonas has {least - _SPARE:.2g} already, got {memory_limit!r}; give "
                "bytes, such as 4e9"
            )


@lru_cache(maxsize=1)
def private_bytes_at_start() -> int:
    """Return about how much private memory a process has before it evaluates anything."""
    return min(private_bytes(), int(1e9))
