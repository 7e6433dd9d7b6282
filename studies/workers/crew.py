"""Several workers of one search: processes of this machine, or whatever an executor runs.

The process that starts them proposes for all of them, so that there is one surrogate; they build,
train and measure.
"""

from __future__ import annotations

import copy
import logging
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any, Protocol

import optuna
import torch
from optuna.storages import InMemoryStorage

from bonas.errors import BonasError, EvaluationFailed, InvalidArgument
from bonas.studies.lease import Worker
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage, opened_storage
from bonas.studies.workers.sending import check_sendable
from bonas.studies.workers.worker import work

_logger = logging.getLogger(__name__)

_DEATHS = 20  # of workers in a row, without an evaluation between, and the search stops


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
        threads: CPU threads for torch; None leaves them as they are.
        child: Whether the worker is to end with the process that started it.
    """

    search: Search
    storage: Storage
    study: str
    seed: int
    lease: float
    asker: str
    threads: int | None = None
    child: bool = False

    def run(self) -> None:
        """Work until nothing is left."""
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        study = optuna.load_study(
            study_name=self.study,
            storage=opened_storage(self.storage),
            sampler=self.search.sampler(self.seed),
        )
        work(self.search, study, Worker.here(self.lease, self.asker), stopped=self._is_orphaned)

    def _is_orphaned(self) -> bool:
        parent = multiprocessing.parent_process()
        return self.child and parent is not None and not parent.is_alive()


class Crew:
    """The workers of a search; one that dies is replaced.

    Args:
        job: What they do.
        n: How many there are.
        executor: What runs them; None starts processes.
    """

    def __init__(self, job: Job, n: int, executor: Executor | None = None) -> None:
        _check(job, executor)
        # What is sent to processes is not the space whose caches this one fills meanwhile.
        self._job = copy.deepcopy(job) if executor is None else job
        self._executor = executor
        self._deaths, self._evaluated = 0, -1
        self._futures = [self._start() for _ in range(n)]

    def check(self, evaluated: int) -> bool:
        """Whether anybody is at work; those that died are replaced.

        Raises:
            BonasError: what a worker raised.
            EvaluationFailed: if workers die without having evaluated anything.
        """
        if evaluated != self._evaluated:
            self._deaths, self._evaluated = 0, evaluated
        ended = [future for future in self._futures if future.done()]
        for future in ended:
            self._futures.remove(future)
            if not self._ended_well(future):
                self._futures.append(self._start())
        return bool(self._futures)

    def stop(self) -> None:
        """End the workers; processes of this machine at once, others after their evaluation."""
        for future in self._futures:
            future.cancel()
        for future in self._futures:
            if isinstance(future, _Process):
                future.join()

    def _start(self) -> Future:
        if self._executor is None:
            return _Process(self._job)
        return self._executor.submit(Job.run, self._job)

    def _ended_well(self, future: Future) -> bool:
        try:
            future.result()
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
    """A worker in a process of its own."""

    def __init__(self, job: Job) -> None:
        context = _context()
        self._heard, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_main, args=(job, sender), daemon=False)
        self._process.start()
        sender.close()

    def done(self) -> bool:
        return not self._process.is_alive()

    def result(self) -> None:
        """Nothing, or what the worker raised."""
        self._process.join()
        try:
            if self._heard.poll():
                raise self._heard.recv()
        except EOFError:
            pass
        if self._process.exitcode:
            raise RuntimeError(f"exit status {self._process.exitcode}")

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
    if isinstance(job.storage, InMemoryStorage):
        raise InvalidArgument(
            "workers in other processes cannot see a study in memory; give storage a file such as "
            '"search.log", or the URL of a database'
        )
    if executor is not None:
        return  # executors have their own ways of sending
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
    try:
        job.run()
    except KeyboardInterrupt:
        pass
    except BonasError as error:
        told.send(type(error)(str(error)))
    finally:
        told.close()
