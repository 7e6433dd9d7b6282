"""Leases: which process evaluates a trial, and whether it is still alive.

A worker renews its running trials at intervals. A trial that is not renewed for as long as its
lease counts as abandoned. Clocks of two hosts are never compared: an observer measures by its
own clock for how long it has seen no renewal, and counts only time in which it was looking, so that
a clock set back, or a database that was away, abandons nothing. On the observer's own host the
process itself is looked up, which takes no time.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from bonas.studies.records import PROPOSAL, RENEWED, WORKER, is_proposed
from bonas.studies.storages.process import is_running, machine, start_time

LEASE = 60.0
"""Seconds without a renewal after which a worker on another host counts as dead."""

_logger = logging.getLogger(__name__)
_at_work: set[str] = set()  # the names of this process' workers that renew


@dataclass(frozen=True)
class Worker:
    """One loop of evaluations in a process.

    Attributes:
        host: The machine, and its table of processes.
        pid, started: The process; numbers are used again, starting times are not.
        name: Of the loop; a process may run several.
        lease: Seconds after which it counts as dead unless it renews; None if it does not renew.
        asker: The name of the worker or coordinator that proposes for it; its own if alone.
    """

    host: str
    pid: int
    started: float
    name: str
    lease: float | None
    asker: str

    @classmethod
    def here(cls, lease: float | None = None, asker: str | None = None) -> Worker:
        """Return a new worker in this process."""
        name = uuid.uuid4().hex[:12]
        pid = os.getpid()
        return cls(machine(), pid, start_time(pid), name, lease, asker or name)

    def alone(self) -> Worker:
        """Return the same worker, proposing for itself."""
        return replace(self, asker=self.name)

    def described(self) -> dict[str, Any]:
        """Return the worker as a trial holds it."""
        return asdict(self)


class Watch:
    """What one observer has seen of the running trials of a study."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked = clock()
        self._seen: dict[int, tuple[object, float]] = {}  # the latest renewal, and silence since

    def abandoned(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Return those of the running trials whose worker is dead."""
        now = self._clock()
        passed, self._looked = now - self._looked, now
        looked = {trial.number: (trial, self._silence(trial, passed)) for trial in running}
        self._seen = {number: (_renewal(t), silence) for number, (t, silence) in looked.items()}
        return [trial for trial, silence in looked.values() if _is_dead(trial, silence)]

    def _silence(self, trial: FrozenTrial, passed: float) -> float:
        """Return the seconds of looking at the trial in which nothing was renewed."""
        before, silence = self._seen.get(trial.number, (None, 0.0))
        if trial.number not in self._seen or before != _renewal(trial):
            return 0.0
        return silence + min(passed, (_lease(trial) or LEASE) / 3)


class Renewal:
    """A thread that renews the running trials of a worker; used as a context manager."""

    def __init__(self, study: Study, worker: Worker) -> None:
        self._study, self._worker = study, worker
        self._stop = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._run, name="bonas-renewal", daemon=True)

    def __enter__(self) -> Renewal:
        _at_work.add(self._worker.name)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._stop.set()
        _at_work.discard(self._worker.name)
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stop.wait((self._worker.lease or LEASE) / 4):
            try:
                self.renew()
            except Exception as error:  # the search itself will meet it and say so
                _logger.debug("a lease was not renewed: %s", error)

    def renew(self) -> None:
        """Show that the worker lives."""
        self._count += 1
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if works_on(self._worker.name, trial):
                with contextlib.suppress(UpdateFinishedTrialError):
                    RENEWED.write(self._study, trial, self._count)


def works_on(name: str, trial: FrozenTrial) -> bool:
    """Return whether the worker of that name evaluates the trial."""
    return worker_of(trial).get("name") == name


def worker_of(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return the worker that a trial names, as JSON; empty if it names none."""
    return WORKER.read(trial) or {}


def _is_dead(trial: FrozenTrial, silence: float) -> bool:
    worker = worker_of(trial)
    lease = _lease(trial)
    is_silent = lease is not None and silence >= lease
    if worker.get("host") == machine():
        # A process that was stopped may go on with an evaluation, but must not keep a turn.
        return not _runs(worker) or (is_silent and not is_proposed(trial))
    return is_silent


def _lease(trial: FrozenTrial) -> float | None:
    """Return the seconds of silence that mean death; None if silence means nothing."""
    worker = worker_of(trial)
    if not worker:  # its process may have died before it could say who it is
        is_begun = trial.params or PROPOSAL.is_in(trial) or WORKER.is_in(trial)
        return None if is_begun else LEASE
    lease = worker.get("lease")
    return float(lease) if isinstance(lease, (int, float)) and lease > 0 else None


def _renewal(trial: FrozenTrial) -> object:
    return RENEWED.read(trial), worker_of(trial).get("name")


def _runs(worker: Mapping[str, Any]) -> bool:
    """Return whether a process of this host still runs."""
    try:
        pid, since = int(worker["pid"]), float(worker["started"])
    except (KeyError, OverflowError, ValueError, TypeError):
        return False
    if pid == os.getpid() and worker.get("lease") and worker.get("name") not in _at_work:
        return False  # a search of this process that has ended
    return is_running(pid, since)
