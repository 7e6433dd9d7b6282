"""The workers of one search: processes of this machine, or calls that an executor runs.

The process that starts them proposes for all, so that there is one surrogate; they build, train and
measure.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, Protocol

import optuna

from bonas.errors import BonasError, EvaluationFailed, InvalidArgument, StorageUnavailable
from bonas.processes.context import fresh_context
from bonas.processes.pickling import by_value, packed, unpacked
from bonas.processes.script import run_once
from bonas.studies.running.interrupts import Terminated
from bonas.studies.running.job import DONE, Job, run_packed
from bonas.studies.running.ledger import Entry, Ledger, Row
from bonas.studies.storages.opening import is_in_memory

_logger = logging.getLogger(__name__)

_DEATHS = 20  # of workers in a row, without anything evaluated or to blame, and the search stops
_GRACE = 10.0  # seconds for workers to send what they measured, when the storage fails


class Future(Protocol):
    """What an executor returns for a submitted call."""

    def done(self) -> bool: ...

    def result(self) -> Any: ...

    def cancel(self) -> Any: ...


class Executor(Protocol):
    """Runs calls elsewhere: an executor of ``concurrent.futures``, of Dask, of submitit."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future: ...


class WorkerPool:
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
        self._job, self._executor = job, executor
        self._packed = _packed(job, executor)
        self._deaths, self._progress = 0, -1
        self._ledger = ledger or Ledger()
        self._left: dict[int, Row] = {}
        self._futures = [self._start() for _ in range(n)]

    def check(self, progress: int) -> bool:
        """Return whether any worker is at work; those that died are replaced.

        ``progress`` grows with each evaluation, and with each death that a proposal caused.

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
        """Return what ended workers measured and may not have stored, by trial; each row once."""
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
        """Wait briefly for what the workers, whose storage fails, have measured."""
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
        """Remove and yield the workers that have ended."""
        for future in [future for future in self._futures if future.done()]:
            self._futures.remove(future)
            if isinstance(future, _Process):
                self._bury(future)
            yield future

    def _bury(self, process: _Process) -> None:
        """Take the last messages of a process that has ended."""
        process.listen()
        self._left |= process.ledger.outstanding()

    def _listen(self) -> None:
        for future in self._futures:
            if isinstance(future, _Process):
                future.listen()

    def _start(self) -> Future:
        if self._executor is None:
            assert self._packed is not None
            return _Process(self._packed, Ledger(self._ledger.note))
        if self._packed is None:
            return self._executor.submit(Job.run, self._job)
        return self._executor.submit(run_packed, self._packed)

    def _ended_well(self, future: Future) -> bool:
        try:
            said = future.result()
            if said != DONE:
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

    def __init__(self, packed: bytes, ledger: Ledger) -> None:
        self.ledger = ledger
        context = fresh_context()
        self._heard, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_main, args=(packed, sender), daemon=False)
        with run_once():
            self._process.start()
        sender.close()
        self._end: object = None

    def listen(self) -> None:
        """Take the messages that the worker has sent so far."""
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
        """Return what the worker said at its end, or raise what it raised."""
        self._process.join()
        if isinstance(self._end, BaseException):
            raise self._end
        if not isinstance(self._end, str):
            raise RuntimeError(f"exit status {self._process.exitcode}")
        return self._end

    def cancel(self) -> None:
        self._process.terminate()

    def join(self) -> None:
        """Wait for the end; kill a worker that does not react."""
        self._process.join(timeout=10.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _check(job: Job, executor: object) -> None:
    """Check that workers elsewhere can do the job.

    Raises:
        InvalidArgument: if this process may start none, or the study is in its memory.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return
    if is_in_memory(job.storage):
        raise InvalidArgument(
            "workers in other processes cannot see a study in memory; give storage a file such as "
            '"search.log", or the URL of a database'
        )
    if executor is None and multiprocessing.current_process().daemon:
        raise InvalidArgument(
            "n_jobs over 1 starts processes, and this one is a daemon, which may start none; take "
            "n_jobs=1, or an executor"
        )


def _packed(job: Job, executor: Executor | None) -> bytes | None:
    """Return the job as it is sent; None if an executor is given the job itself.

    A copy is sent, since this process fills the caches of its own space meanwhile.

    Raises:
        InvalidArgument: if a part of it cannot be sent to a process of this machine.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return None
    if executor is not None:
        try:
            return by_value(job)
        except Exception:  # it may have its own ways of sending
            return None
    parts = {
        "the space": job.search.space,
        "evaluate": job.search.evaluate,
        "stopping": job.search.stopping,
        "the surrogate": job.search.surrogate,
        "the encoder": job.search.encoder,
        "the storage": job.storage,
    }
    return packed(job, parts, "take n_jobs=1")


def _main(data: bytes, sender: Connection) -> None:
    """Run a worker process from its start to its end."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    process = os.getpid()
    try:
        job: Job = unpacked(data)
        _send(sender, job.run(lambda entry: _send(sender, entry)))
    except BaseException as error:
        if os.getpid() != process:  # the evaluation forked, and this is the copy
            traceback.print_exc()
            os._exit(1)
        if isinstance(error, Terminated):
            return
        if not isinstance(error, BonasError):
            raise
        _send(sender, _sendable(error))
    finally:
        sender.close()


def _send(sender: Connection, what: object) -> None:
    """Send it to the coordinator, if that still listens."""
    try:
        sender.send(what)
    except OSError as error:
        _logger.debug("the coordinator is gone: %s", error)


def _sendable(error: BonasError) -> BonasError:
    """Return the error without what cannot go to another process."""
    plain = type(error)(str(error))
    if isinstance(error, StorageUnavailable) and isinstance(plain, StorageUnavailable):
        plain.rows = error.rows
    return plain
