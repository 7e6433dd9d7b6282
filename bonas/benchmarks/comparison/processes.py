"""Runs in several processes at once; each has one thread, and its own connection to the storage."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Event

import optuna
from optuna.storages import BaseStorage, InMemoryStorage

from bonas.benchmarks.comparison.execution import execute_run
from bonas.benchmarks.comparison.plan import Plan
from bonas.benchmarks.comparison.problem import Problem
from bonas.benchmarks.comparison.run import RunKey
from bonas.errors import EvaluationFailed
from bonas.processes.pickling import check_sendable
from bonas.studies.storages.opening import Storage, open_storage


def run_in_processes(plan: Plan, storage: Storage, jobs: int) -> Iterator[RunKey]:
    """Yield each run when it is finished; an interrupt lets the evaluations under way end.

    Raises:
        InvalidArgument: if the plan or the storage cannot be sent to another process.
        EvaluationFailed: if a process dies.
        BonasError: what a run raises; the other runs are stopped.
    """
    memory = storage if isinstance(storage, InMemoryStorage) else None
    sent = None if memory is not None else storage
    _check_picklable(plan, sent)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(jobs, context, _begin, (plan, sent, stop)) as pool:
        try:
            futures = {
                pool.submit(_run, index, key, _part(memory, key)): key
                for index in range(len(plan.problems))
                for key in plan.keys(plan.problem(index))
            }
            for future in as_completed(futures):
                _merge(_result(future), memory, futures[future])
                yield futures[future]
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@dataclass
class _Worker:
    """The state of a process between two runs; the problem is that of the latest."""

    plan: Plan
    storage: BaseStorage | None
    stop: Event
    index: int = -1
    problem: Problem | None = None

    def tick(self, _: float = 1.0) -> None:
        """Stop the run after an evaluation if the parent process says so."""
        if self.stop.is_set():
            raise KeyboardInterrupt


_worker: _Worker


def _begin(plan: Plan, storage: Storage | None, stop: Event) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _worker = _Worker(plan, None if storage is None else open_storage(storage), stop)


def _run(index: int, key: RunKey, memory: InMemoryStorage | None) -> InMemoryStorage | None:
    """Execute one run; return its storage where that is in the parent's memory."""
    if _worker.problem is None or _worker.index != index:
        _worker.index, _worker.problem = index, None  # free the old table before the new one loads
        _worker.problem = _worker.plan.problem(index)
    storage = memory if memory is not None else _worker.storage
    assert storage is not None  # one of the two is given
    make = _worker.plan.make(key.method)
    execute_run(_worker.problem, key, make, _worker.plan.budget, storage, _worker.tick)
    return memory


def _part(memory: InMemoryStorage | None, key: RunKey) -> InMemoryStorage | None:
    """Return a storage in memory with that run alone."""
    if memory is None:
        return None
    part = InMemoryStorage()
    if str(key) in optuna.get_all_study_names(memory):
        optuna.copy_study(from_study_name=str(key), from_storage=memory, to_storage=part)
    return part


def _merge(part: InMemoryStorage | None, memory: InMemoryStorage | None, key: RunKey) -> None:
    """Replace the run in ``memory`` by that in ``part``."""
    if part is None or memory is None:
        return
    if str(key) in optuna.get_all_study_names(memory):
        optuna.delete_study(study_name=str(key), storage=memory)
    optuna.copy_study(from_study_name=str(key), from_storage=part, to_storage=memory)


def _result(future: Future[InMemoryStorage | None]) -> InMemoryStorage | None:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise EvaluationFailed(
            "a worker process died: out of memory, or started from a script without "
            'if __name__ == "__main__"; what was finished is kept where the storage is not in '
            "memory"
        ) from error


def _check_picklable(plan: Plan, storage: Storage | None) -> None:
    parts = {
        **{f"the problem {str(given)[:50]!r}": given for given in plan.problems},
        **{f"the method {name!r}": make for name, make in plan.methods.items()},
        "the storage": storage,
    }
    check_sendable(parts, "take jobs=1")
