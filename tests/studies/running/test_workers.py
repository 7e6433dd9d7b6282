"""Many workers of one study: threads, processes, executors, and the command."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from small_searches import SPACE, cheap, running

import bonas
from bonas.cli import main
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Candidate
from bonas.studies import outcomes
from bonas.studies.budget import budget_of
from bonas.studies.records import (
    ERROR,
)
from bonas.studies.storages.opening import open_storage

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}


def slow(candidate: Candidate) -> dict[str, float]:
    """Take long enough for two workers to evaluate at once."""
    time.sleep(0.3)
    return cheap(candidate)


def deadly(candidate: Candidate) -> dict[str, float]:
    """Kill the process with one architecture, again and again."""
    if candidate.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return cheap(candidate)


def failing(candidate: Candidate) -> dict[str, float]:
    """Fail, always in the same way."""
    raise RuntimeError("no such device")


def searched(evaluate: Callable[[Candidate], dict[str, float]], n: int, **more: Any) -> Any:
    """Return the result of a search with random proposals."""
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **more}
    return bonas.optimize(SPACE, n, evaluate=evaluate, objectives=OBJECTIVES, **given)


def keys(study: optuna.Study) -> list[str]:
    """Return the keys of the networks that were evaluated."""
    done = [trial for trial in study.trials if outcomes.counts(trial)]
    return [SPACE.architecture(trial.params).key for trial in done]


def test_a_proposal_that_kills_its_workers_counts_as_failed(tmp_path: Path) -> None:
    storage = str(tmp_path / "a.log")
    found = searched(deadly, 6, storage=storage, n_jobs=2, isolation=None)
    failed = [trial for trial in found.study.trials if ERROR.is_in(trial)]
    assert [Candidate.of(SPACE, trial).number for trial in failed] == [3]
    assert "8 processes died" in str(ERROR.read(failed[0]))
    assert outcomes.evaluated(found.study) == 6


def test_threads_share_the_budget_and_repeat_nothing() -> None:
    storage = InMemoryStorage()
    given: dict[str, Any] = {"storage": storage, "study_name": "s"}
    searched(cheap, 1, **given)
    workers = [threading.Thread(target=searched, args=(cheap, 60), kwargs=given) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(study_name="s", storage=storage)
    assert budget_of(study).amount == 60
    assert outcomes.evaluated(study) == 60
    assert max(Counter(keys(study)).values()) == 1
    assert running(study) == []


def test_processes_work_on_a_study_that_is_nowhere_else() -> None:
    heard: list[int] = []
    found = searched(slow, 10, n_jobs=2, callbacks=[lambda s, trial: heard.append(trial.number)])
    assert outcomes.evaluated(found.study) == 10
    assert sorted(heard) == [t.number for t in found.study.trials if outcomes.counts(t)]
    pids = {t.user_attrs["pid"] for t in found.study.trials if outcomes.counts(t)}
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert max(Counter(keys(found.study)).values()) == 1


def test_many_workers_make_the_same_initial_design(tmp_path: Path) -> None:
    alone = searched(cheap, 8, surrogate="gp")
    storage = str(tmp_path / "a.log")
    executor = ThreadPoolExecutor(4)
    several = searched(slow, 8, surrogate="gp", n_jobs=4, executor=executor, storage=storage)
    assert sorted(keys(several.study)) == sorted(keys(alone.study))


def test_an_executor_of_processes_does_the_work(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        storage = f"sqlite:///{tmp_path / 'a.db'}"
        found = searched(cheap, 6, n_jobs=2, executor=executor, storage=storage)
    assert outcomes.evaluated(found.study) == 6
    assert os.getpid() not in {trial.user_attrs.get("pid") for trial in found.study.trials}


def test_workers_elsewhere_need_a_storage_that_they_reach() -> None:
    with pytest.raises(InvalidArgument, match="cannot see a study in memory"):
        searched(cheap, 4, n_jobs=2, storage=InMemoryStorage())


def test_what_cannot_be_sent_is_told() -> None:
    lock = threading.Lock()
    with pytest.raises(InvalidArgument, match="evaluate cannot be sent"):
        searched(lambda candidate: cheap(candidate) if lock else {}, 4, n_jobs=2)


@pytest.mark.parametrize("n_jobs", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_is_checked(n_jobs: Any) -> None:
    with pytest.raises(InvalidArgument, match="n_jobs must be"):
        searched(cheap, 4, n_jobs=n_jobs)


def test_a_failure_of_all_workers_is_told() -> None:
    with pytest.raises(EvaluationFailed, match="no such device") as caught:
        searched(failing, 30, n_jobs=2)
    assert outcomes.evaluated(caught.value.study) >= 5


# --- the command

MODULE = """
import bonas
from bonas.cli import main
space = bonas.spaces.NASBench201(channels=4, cells=1, stages=1)

def evaluate(candidate):
    return {"accuracy": float(sum(space.costs(candidate.choices).values()))}

def search():
    return bonas.Search(space, evaluate, {"accuracy": "maximize"}, surrogate="random")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module that says what to search into the working directory; return its reference."""
    (tmp_path / "searched_here.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "searched_here", raising=False)
    return "searched_here:search"


def test_a_command_works_on_a_study(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["worker", module, "--storage", "a.log", "--study", "s"]
    assert main([*given, "--budget", "4"]) == 0
    assert main([*given, "--budget", "6"]) == 0
    assert main(given) == 0
    assert capsys.readouterr().out.count("s: front ") == 3
    study = optuna.load_study(study_name="s", storage=open_storage("a.log"))
    assert outcomes.evaluated(study) == budget_of(study).amount == 6


def test_a_command_reads_its_options_from_a_file(module: str, tmp_path: Path) -> None:
    config = f'search = "{module}"\nstorage = "a.log"\nstudy = "t"\nbudget = 9\n'
    (tmp_path / "worker.toml").write_text(config)
    assert main(["worker", "--config", "worker.toml", "--budget", "3"]) == 0
    study = optuna.load_study(study_name="t", storage=open_storage("a.log"))
    assert outcomes.evaluated(study) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["x:y", "--storage", "a.log"], "no 'y' in a module 'x'"),
        (["searched_here:search"], "a worker needs its storage"),
        (["searched_here:search", "--storage", "a.log"], "has no budget yet"),
        (["--config", "none.toml"], "cannot read none.toml as TOML"),
    ],
)
def test_a_command_says_what_is_missing(
    module: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worker", *given]) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_option_of_the_file_is_told(
    module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "worker.toml").write_text("workers = 3\n")
    assert main(["worker", "--config", "worker.toml"]) == 2
    assert "unknown option in worker.toml 'workers'" in capsys.readouterr().err
