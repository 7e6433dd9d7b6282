"""Several workers of one search: processes of this machine, or whatever an executor runs.

The process that starts them proposes for all of them, so that there is one surrogate; they build,
train and measure.
"""

from __future__ import annotations

import copy
import logging
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Protocol

import optuna
import torch

from bonas.errors import BonasError, EvaluationFailed, InvalidArgument, StorageUnavailable
from bonas.studies.lease import Worker
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage, is_in_memory, opened_storage
from bonas.studies.workers.interrupts import Terminated, sigint_terminates
from bonas.studies.workers.ledger import Entry, Ledger, Row
from bonas.studies.workers.sending import check_sendable
from bonas.studies.workers.stopping import are_stopped
from bonas.studies.workers.worker import work

_logger = logging.getLogger(__name__)

_DEATHS = 20  # of workers in a row, without anything evaluated or to blame, and the search stops
_GRACE = 10.0  # seconds for workers to tell what they measured, when the storage fails
_DONE = "done"  # what a worker says that found nothing left to do


class Future(Protocol):
    """What an executor returns for a submitted call."""

    def done(self) -> bool: ...

    def result(self) -> Any: ...

    def cancel(self) -> Any: ...


class Executor(Protocol):
    """What runs calls elsewhere: of ``concurrent.futures``, of Dask, of submitit."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future: ...


@dataclass(frozen=True)
class Job:
    """What a worker needs; it can go to another process or host.

    Attributes:
        search: What is searched.
        storage: As a user gives it: a URL or a path, or a storage that can be sent.
        study: Its name.
        seed: The search's.
        lease: Seconds without a sign of life after which a worker counts as dead.
        asker: Who proposes for the workers.
        since: The number of the call's first trial.
        threads: CPU threads for torch; None leaves them as they are.
        child: Whether the worker is to end with the process that started it.
    """

    search: Search
    storage: Storage
    study: str
    seed: int
    lease: float
    asker: str
    since: int
    threads: int | None = None
    child: bool = False

    def run(self, heard: Callable[[Entry], object] = lambda entry: None) -> str:
        """Work until nothing is left, and say so: a worker that ends without that has died.

        ``heard`` is told of each row that is measured.

        Raises:
            BonasError: what ends the whole search.
            Exception: if an evaluation raised something else to end its process.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        study = optuna.load_study(
            study_name=self.study,
            storage=opened_storage(self.storage),
            sampler=self.search.sampler(self.seed),
        )
        ledger, worker = Ledger(heard), Worker.here(self.lease, self.asker)

        def stopped() -> bool:
            return self._is_orphaned() or are_stopped(study, self.asker)

        try:
            with sigint_terminates():
                work(self.search, study, worker, (), ledger, stopped, self.since)
        except StorageUnavailable as error:
            names = [goal.name for goal in self.search.goals]
            error.rows = ledger.lost(self.storage, study, names)
            raise
        except Exception:
            raise
        except BaseException as error:  # an executor may take it for its own end
            if self.child and isinstance(error, Terminated):
                raise
            raise RuntimeError(f"the worker was ended by {error!r}") from error
        return _DONE

    def _is_orphaned(self) -> bool:
        parent = multiprocessing.parent_process()
        return self.child and parent is not None and not parent.is_alive()


class Crew:
    """The workers of a search; one that dies is replaced.

    Args:
        job: What they do.
        n: How many there are.
        executor: What runs them; None starts processes.
        ledger: Notes what they measured.
    """

    def __init__(
        self, job: Job, n: int, executor: Executor | None = None, ledger: Ledger | None = None
    ) -> None:
        _check(job, executor)
        # What is sent to processes is not the space whose caches this one fills meanwhile.
        self._job = copy.deepcopy(job) if executor is None else job
        self._executor = executor
        self._deaths, self._progress = 0, -1
        self._ledger = ledger or Ledger()
        self._left: dict[int, Row] = {}
        self._futures = [self._start() for _ in range(n)]

    def check(self, progress: int) -> bool:
        """Whether anybody is at work; those that died are replaced.

        ``progress`` grows with each evaluation, and with each death that is somebody's fault.

        Raises:
            BonasError: what a worker raised.
            EvaluationFailed: if workers die without any progress.
        """
        if progress != self._progress:
            self._deaths, self._progress = 0, progress
        self._listen()
        for future in self._ended():
            if not self._ended_well(future):
                self._futures.append(self._start())
        return bool(self._futures)

    def left(self) -> dict[int, Row]:
        """What workers measured that have ended and may not have stored it, by trial; once."""
        left, self._left = self._left, {}
        return left

    def stop(self) -> None:
        """End the workers; processes of this machine at once, others after their evaluation."""
        for future in self._futures:
            future.cancel()
        for future in self._futures:
            if isinstance(future, _Process):
                future.join()
                self._bury(future)

    def gather(self) -> None:
        """Give the workers, whose storage fails, a moment to tell what they measured."""
        end = time.monotonic() + _GRACE
        while self._futures and time.monotonic() < end:
            self._listen()
            for future in self._ended():
                try:
                    future.result()
                except StorageUnavailable as error:
                    self._ledger.add(error.rows)
                except Exception as error:
                    _logger.debug("a worker ended: %s", error)
            time.sleep(0.02)

    def _ended(self) -> Iterator[Future]:
        """Those that are at work no more; each is forgotten when its turn comes."""
        for future in [future for future in self._futures if future.done()]:
            self._futures.remove(future)
            if isinstance(future, _Process):
                self._bury(future)
            yield future

    def _bury(self, process: _Process) -> None:
        """Listen to its last words."""
        process.listen()
        self._left |= process.ledger.outstanding()

    def _listen(self) -> None:
        for future in self._futures:
            if isinstance(future, _Process):
                future.listen()

    def _start(self) -> Future:
        if self._executor is None:
            return _Process(self._job, Ledger(self._ledger.note))
        return self._executor.submit(Job.run, self._job)

    def _ended_well(self, future: Future) -> bool:
        try:
            said = future.result()
            if said != _DONE:
                raise RuntimeError("it ended before the search was done")
        except StorageUnavailable as error:
            self._ledger.add(error.rows)
            raise
        except BonasError:
            raise
        except Exception as error:
            self._deaths += 1
            if self._deaths >= _DEATHS:
                raise EvaluationFailed(
                    f"{self._deaths} workers died and evaluated nothing, the last one: {error}; "
                    "out of memory, or started from a script that does not say "
                    'if __name__ == "__main__"? What was measured is kept'
                ) from error
            _logger.warning("a worker died (%s); another one takes its place", error)
            return False
        return True


class _Process:
    """A worker in a process of its own.

    Attributes:
        ledger: What it measured.
    """

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self.ledger = ledger
        context = _context()
        self._heard, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_main, args=(job, sender), daemon=False)
        self._process.start()
        sender.close()
        self._end: object = None

    def listen(self) -> None:
        """Take what the worker has said so far."""
        try:
            while self._heard.poll():
                said: object = self._heard.recv()
                if isinstance(said, Entry):
                    self.ledger.note(said)
                else:
                    self._end = said
        except (EOFError, OSError):
            pass  # it is gone

    def done(self) -> bool:
        return not self._process.is_alive()

    def result(self) -> str:
        """What the worker said at its end, or raised."""
        self._process.join()
        if isinstance(self._end, BaseException):
            raise self._end
        if not isinstance(self._end, str):
            raise RuntimeError(f"exit status {self._process.exitcode}")
        return self._end

    def cancel(self) -> None:
        self._process.terminate()

    def join(self) -> None:
        """Wait for the end; a worker that does not listen is killed."""
        self._process.join(timeout=10.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _context() -> SpawnContext | ForkServerContext:
    """Fresh processes, copied from one that has imported everything where that is possible."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _check(job: Job, executor: object) -> None:
    """See whether workers elsewhere can do the job.

    Raises:
        InvalidArgument: if a part of it cannot be sent, or the study is in this process' memory.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return
    if is_in_memory(job.storage):
        raise InvalidArgument(
            "workers in other processes cannot see a study in memory; give storage a file such as "
            '"search.log", or the URL of a database'
        )
    if executor is not None:
        return  # executors have their own ways of sending
    if multiprocessing.current_process().daemon:
        raise InvalidArgument(
            "n_jobs over 1 starts processes, and this one is a daemon, which may start none; take "
            "n_jobs=1, or an executor"
        )
    parts = {
        "the space": job.search.space,
        "evaluate": job.search.evaluate,
        "the surrogate": job.search.surrogate,
        "the encoder": job.search.encoder,
        "the storage": job.storage,
    }
    check_sendable(parts, "take n_jobs=1")


def _main(job: Job, told: Connection) -> None:
    """The life of a worker process."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    process = os.getpid()
    try:
        _say(told, job.run(lambda entry: _say(told, entry)))
    except BaseException as error:
        if os.getpid() != process:  # the evaluation forked, and this is the copy
            traceback.print_exc()
            os._exit(1)
        if isinstance(error, Terminated):
            return
        if not isinstance(error, BonasError):
            raise
        _say(told, _sendable(error))
    finally:
        told.close()


def _say(told: Connection, what: object) -> None:
    """Send it to the leader, if that still listens."""
    try:
        told.send(what)
    except OSError as error:
        _logger.debug("nobody listens: %s", error)


def _sendable(error: BonasError) -> BonasError:
    """The error, without what cannot go to another process."""
    plain = type(error)(str(error))
    if isinstance(error, StorageUnavailable) and isinstance(plain, StorageUnavailable):
        plain.rows = error.rows
    return plain
