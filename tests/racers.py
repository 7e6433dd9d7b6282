"""Races of several processes, each with a fresh interpreter, for one storage."""

from __future__ import annotations

import json
import multiprocessing
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from bonas.studies.storages.lock import Lock
from bonas.studies.storages.opening import open_storage


def processes() -> BaseContext:
    """Return a context whose processes share one import of bonas."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "bonas.studies.running.worker_pool"])
    return context


def race(work: Callable[..., Any], count: int, *arguments: object) -> list[Any]:
    """Return what ``work(*arguments)`` returns in each of ``count`` processes."""
    with ProcessPoolExecutor(count, processes()) as pool:
        return [call.result() for call in [pool.submit(work, *arguments) for _ in range(count)]]


def claims(url: str, order: Sequence[int]) -> int:
    """Return how many of the waiting trials this process has claimed."""
    storage = open_storage(url)
    return sum(
        storage.get_trial(trial).state == TrialState.WAITING
        and storage.set_trial_state_values(trial, TrialState.RUNNING)
        for trial in order
    )


def numbers(url: str, count: int) -> list[int]:
    """Return the numbers of ``count`` new trials."""
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    return [study.ask().number for _ in range(count)]


def count_up(path: Path, times: int) -> None:
    """Add one to the number in a file under its lock; every fifth time, leave a dead lock."""
    lock = Lock(path)
    file = path.with_name(path.name + ".lock")
    for time in range(times):
        with lock.held():
            path.write_text(str(int(path.read_text()) + 1))
            if time % 5 == 0:
                dead = json.loads(file.read_text()) | {"started": -1.0, "token": uuid.uuid4().hex}
                file.write_text(json.dumps(dead))
