"""The child's side of an isolated evaluation: it runs the evaluator, and sends what that measures.

Messages of the child are tuples that begin with one of the words below. It waits for a reply after
an ``ITEM`` (``NEXT`` or ``CLOSE``: an evaluation goes on when its consumer does, as a generator
would) and after a ``CALL``. Errors and measurements are sent as plain data, so that no code of the
user runs as the search reads them.
"""

from __future__ import annotations

import logging
import os
import pickle
import random
import threading
import time
import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from numbers import Real
from typing import Any, Final

import numpy as np
import torch
from optuna.exceptions import TrialPruned
from optuna.trial import FrozenTrial

from bonas import errors
from bonas.errors import BonasError, EvaluationFailed
from bonas.evaluation import failure
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import phase_name
from bonas.evaluation.evaluator import Evaluator, called
from bonas.evaluation.failure import Failure, kind_of, phase, text_of
from bonas.evaluation.isolation.forwarding import forwarded_trial
from bonas.evaluation.measurement import Measurement, scalar
from bonas.evaluation.stages import Stages
from bonas.processes.limits import limit_memory
from bonas.spaces import Choices, Space

PHASE, LOG, ITEM, CALL, FAILED, END = "phase", "log", "item", "call", "failed", "end"
NEXT, CLOSE, VALUE, RAISED = "next", "close", "value", "raised"
LARGEST: Final = 64 * 2**20
"""The bytes of the largest message."""

_PLAIN = (bool, int, float, str, type(None))
_RAISED = "_bonas_call"  # the attribute of an error that a call has raised in the other process


@dataclass(frozen=True)
class Settings:
    """What a process has set for all of its code, as far as numbers depend on it."""

    threads: int
    dtype: torch.dtype
    is_deterministic: bool
    folder: str
    environment: dict[str, str]

    @classmethod
    def here(cls) -> Settings:
        """Return those of this process."""
        return cls(
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            os.getcwd(),
            dict(os.environ),
        )

    def apply(self) -> None:
        """Set them in this process."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        torch.set_default_dtype(self.dtype)
        torch.use_deterministic_algorithms(self.is_deterministic)
        os.chdir(self.folder)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)


@dataclass(frozen=True)
class RandomStates:
    """The states of the global random number generators, of the CPU."""

    python: Any
    numpy: Any
    torch: Any

    @classmethod
    def here(cls) -> RandomStates:
        """Return those of this process."""
        state = torch.get_rng_state().numpy().tobytes()
        return cls(random.getstate(), np.random.get_state(), state)  # noqa: NPY002 - as it is

    def apply(self) -> None:
        """Set them in this process."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002 - the global generator of the user
        torch.set_rng_state(torch.frombuffer(bytearray(self.torch), dtype=torch.uint8))


@dataclass(frozen=True)
class Request:
    """One candidate to evaluate.

    Attributes:
        choices: Of the candidate.
        values: Of the candidate.
        rungs: Of the candidate.
        trial: Its trial, if that is frozen.
        study_name: Of its trial, if that runs.
        trial_id: The number under which the storage knows it.
        given: Values that ``Stages`` need not measure.
        memory: Bytes of private memory that the evaluation may have; None for any number.
        settings: Of the process of the search.
        states: Of its random number generators.
    """

    choices: Choices
    values: Mapping[str, float]
    rungs: tuple[float, ...]
    trial: FrozenTrial | None
    study_name: str
    trial_id: int
    given: Mapping[str, float]
    memory: float | None
    settings: Settings
    states: RandomStates


@dataclass(frozen=True)
class Shown:
    """A value that is no number, as a message has it."""

    text: str
    kind: str


@dataclass(frozen=True)
class Report:
    """An error of an evaluation, without the error.

    Attributes:
        failure: Its kind, phase and traceback.
        name: The name of its class.
        message: Its message.
        origin: The line that raised it.
        values: What an ``EvaluationFailed`` holds.
        known_as: The class of bonas that it is of; empty for any other.
        is_pruned: Whether it is ``optuna.TrialPruned``.
        call: The number of the call to the search that raised it; None if none did.
    """

    failure: Failure
    name: str
    message: str
    origin: tuple[str, int]
    values: Mapping[str, float] = field(default_factory=dict)
    known_as: str = ""
    is_pruned: bool = False
    call: int | None = None


class Evaluation:
    """The work of the children: evaluates candidates of a space."""

    def __init__(self, evaluate: Evaluator, space: Space) -> None:
        self.evaluate, self.space = evaluate, space

    def __call__(self, connection: Connection, data: bytes) -> None:
        """Evaluate one candidate, and send what is measured."""
        request: Request = pickle.loads(data)
        request.settings.apply()
        request.states.apply()
        talk = _Talk(connection)
        failure.listen(lambda name: talk.send(PHASE, name))
        _forward_logs(talk)
        try:
            limit_memory(request.memory)
            self._run(request, talk)
            limit_memory(None)
            talk.send(END, RandomStates.here())
        except BaseException as error:
            limit_memory(None)
            talk.send(FAILED, _report(error), RandomStates.here())

    def _run(self, request: Request, talk: _Talk) -> None:
        evaluate = self.evaluate
        if request.given and isinstance(evaluate, Stages):
            evaluate = evaluate.given(request.given)
        trial: Any = request.trial
        if trial is None:
            trial = forwarded_trial(talk.call, request.study_name, request.trial_id)
        candidate = Candidate(
            self.space, request.choices, trial, dict(request.values), request.rungs
        )
        began = time.perf_counter()
        with phase(phase_name(evaluate)):
            given = called(evaluate, candidate)
            if not isinstance(given, Iterator):
                talk.item(given, time.perf_counter() - began)
                return
            for item in given:
                if not talk.item(item, time.perf_counter() - began):
                    _close(given, phase_name(evaluate))
                    return


class _Talk:
    """The connection to the search, for all threads of the evaluation."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock, self._pid = connection, threading.RLock(), os.getpid()

    def send(self, *message: Any) -> None:
        """Send a message that has no reply."""
        if os.getpid() != self._pid:  # the evaluation forked, and this is the copy
            traceback.print_stack()
            os._exit(1)
        data = pickle.dumps(message)
        if len(data) > LARGEST:
            raise EvaluationFailed(
                f"expected messages of at most {LARGEST} bytes from an isolated evaluation, got "
                f"{len(data)}; return numbers, and keep what is large in a file"
            )
        with self._lock:
            self._connection.send_bytes(data)

    def item(self, item: object, seconds: float) -> bool:
        """Send what was measured; return whether the evaluation is to go on."""
        given = item.values if isinstance(item, Measurement) else item
        plain = _plain_mapping(given) if isinstance(given, Mapping) else _plain(given)
        step = seconds_of = share = None
        if isinstance(item, Measurement):
            step, seconds_of, share = item.step, item.seconds, item.fidelity
        with self._lock:
            self.send(ITEM, plain, step, seconds if seconds_of is None else seconds_of, share)
            return bool(self._reply() == (NEXT,))

    def call(self, target: str, name: str, args: Any, kwargs: Any) -> Any:
        """Make a call in the process of the search.

        Raises:
            Exception: what it raises there.
        """
        with self._lock:
            self.send(CALL, target, name, args, kwargs)
            word, *rest = self._reply()
        if word == VALUE:
            return rest[0]
        number, error = rest
        with suppress(AttributeError, TypeError):
            setattr(error, _RAISED, number)
        raise error

    def _reply(self) -> Any:
        try:
            return pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(1)  # the search is gone


def _plain_mapping(values: Mapping[Any, object]) -> dict[Any, Any]:
    return {_plain(name): _plain(value) for name, value in values.items()}


def _plain(value: object) -> Any:
    """Return a value as a message has it: a number as it is."""
    number = scalar(value)
    if type(number) in _PLAIN:
        return number
    if isinstance(number, Real):
        with suppress(Exception):
            return float(number)
    return Shown(_repr(value), type(value).__name__)


def _repr(value: object) -> str:
    try:
        return repr(value)[:1000]
    except Exception:
        return f"<{type(value).__name__}>"


def _close(stream: Iterator[object], name: str) -> None:
    if isinstance(stream, Generator):
        try:
            stream.close()
        except Exception as error:
            logging.getLogger(__name__).warning(
                "the evaluation %s went on after it was ended (%s); what it measured is kept",
                name,
                f"{type(error).__name__}: {text_of(error)}",
            )


def _report(error: BaseException) -> Report:
    """Return what is to be known of an error."""
    frames = traceback.extract_tb(error.__traceback__)
    origin = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
    known = next((k.__name__ for k in type(error).__mro__ if _is_of_bonas(k)), "")
    values = error.values if isinstance(error, EvaluationFailed) else {}
    call: object = vars(error).get(_RAISED) if hasattr(error, "__dict__") else None
    found = Failure.of(error)
    text = found.text[-LARGEST // 64 :]
    return Report(
        Failure(kind_of(error), found.phase, text, found.signal),
        type(error).__name__,
        text_of(error)[: LARGEST // 64],
        origin,
        {str(name): float(value) for name, value in values.items()},
        known,
        isinstance(error, TrialPruned),
        call if isinstance(call, int) else None,
    )


def _is_of_bonas(kind: type) -> bool:
    return issubclass(kind, BonasError) and getattr(errors, kind.__name__, None) is kind


class _Forwarding(logging.Handler):
    def __init__(self, talk: _Talk) -> None:
        super().__init__()
        self._talk = talk

    def emit(self, record: logging.LogRecord) -> None:
        self._talk.send(LOG, record.name, record.levelno, record.getMessage())


def _forward_logs(talk: _Talk) -> None:
    logger = logging.getLogger("bonas")
    logger.handlers, logger.propagate = [_Forwarding(talk)], False
