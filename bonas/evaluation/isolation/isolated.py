"""Isolated: an evaluator in a fresh process for each candidate, with limits on time and memory.

The process is a fork of a server that holds evaluator and space (``bonas.processes.server``). What
it measures comes over a pipe as it is measured, and its trial's calls are made here. So nothing is
different for the search: early stopping, learning curves, inherited weights, reports and
attributes, ``study.stop()``, pruning, the random numbers. Whatever ends the process, or makes it
too slow or too large, is the failure of one candidate.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Any

from optuna.trial import FrozenTrial, Trial

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
from bonas.evaluation.isolation import child
from bonas.evaluation.isolation.run import Run
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.objective import Objective
from bonas.evaluation.stages import Stages
from bonas.optuna_internals import id_of_trial
from bonas.processes.limits import kills_for_memory, private_bytes
from bonas.processes.pickling import packed
from bonas.processes.server import ChildServer
from bonas.spaces import Space

_IMPORTED = int(6e8)  # bytes of a process that has imported torch and bonas, at most
_SPARE = 2e8  # bytes that a limit leaves to an evaluation at least, beyond what a process has


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
        limits = self.time_limit, self.memory_limit
        run = Run(process, candidate, self.phase, *limits, killed)
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
    """Return about how much private memory a fresh process has before it evaluates anything.

    This one has as much once it has imported the same, and more with the data of a program.
    """
    return min(private_bytes(), _IMPORTED)
