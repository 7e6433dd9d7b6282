"""Runs in several processes."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Event
from typing import Any, cast

import numpy as np
import optuna
import pytest
from comparisons import ONE, in_order, many_rows, quietly, recorded, storage_of
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage

from bonas.benchmarks.comparison import RunKey, processes
from bonas.benchmarks.comparison.plan import make_plan
from bonas.errors import (
    EvaluationFailed,
    InvalidArgument,
)


@pytest.mark.parametrize("kind", [pytest.param("memory", marks=pytest.mark.slow), "journal"])
def test_several_processes_give_the_same_as_one(kind: str, tmp_path: Path) -> None:
    storage = storage_of(kind, tmp_path)
    problems = [many_rows(), ONE]
    quietly(["random", "evolution"], problems, 5, 1, storage=storage)
    apart = quietly(["random", "evolution"], problems, 8, 2, storage=storage, jobs=2)
    together = quietly(["random", "evolution"], problems, 8, 2)
    assert apart.runs.keys() == together.runs.keys()
    for key, run in together.runs.items():
        np.testing.assert_array_equal(run.values, apart.runs[key].values)


def test_a_method_that_cannot_be_sent_is_named() -> None:
    methods = {"mine": lambda space, seed: RandomSampler(seed)}
    with pytest.raises(InvalidArgument, match=r"the method 'mine' cannot be sent .* take jobs=1"):
        quietly(methods, [ONE], 3, 1, jobs=2)


def test_a_run_in_memory_goes_to_its_process_and_comes_back() -> None:
    memory = InMemoryStorage()
    in_order(ONE, 2, seeds=2, storage=memory)
    first, other = RunKey("one", "in order", 0), RunKey("one", "in order", 1)
    part = processes._part(memory, first)
    assert part is not None
    assert optuna.get_all_study_names(part) == [str(first)]
    in_order(ONE, 4, storage=part)
    processes._merge(part, memory, first)
    lengths = {str(key): len(recorded(memory, str(key))) for key in (first, other)}
    assert lengths == {str(first): 4, str(other): 2}
    fresh = processes._part(memory, RunKey("one", "new", 0))
    assert fresh is not None
    assert optuna.get_all_study_names(fresh) == []
    assert processes._part(None, first) is None


def test_a_process_that_died_is_explained() -> None:
    future: Future[Any] = Future()
    future.set_exception(BrokenProcessPool("gone"))
    with pytest.raises(EvaluationFailed, match=r"a worker process died: out of memory, or"):
        processes._result(future)


def test_a_run_stops_after_an_evaluation_when_the_parent_says_so() -> None:
    stop = Event()
    plan = make_plan(["random"], [ONE], 3, 1, None)
    worker = processes._Worker(plan, InMemoryStorage(), cast(Any, stop))
    worker.tick()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        worker.tick()


def test_after_an_error_no_other_run_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a thread in the place of the process."""
    begun: list[RunKey] = []

    def failing(index: int, key: RunKey, memory: object) -> None:
        begun.append(key)
        raise EvaluationFailed("five in a row")

    monkeypatch.setattr(processes, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(processes, "_begin", lambda *_: None)
    monkeypatch.setattr(processes, "_run", failing)
    plan = make_plan(["random"], [ONE], 3, 50, None)
    with pytest.raises(EvaluationFailed, match="five in a row"):
        list(processes.run_in_processes(plan, InMemoryStorage(), 1))
    assert 1 <= len(begun) < 50
