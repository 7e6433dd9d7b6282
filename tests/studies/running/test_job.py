"""The job of a worker: it runs wherever it is unpacked, and says how it ended."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from small_searches import SPACE, cheap

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.processes.pickling import by_value
from bonas.studies.lineage.description import set_names
from bonas.studies.outcomes import evaluated
from bonas.studies.records import BUDGET, RELEASED, stop_workers
from bonas.studies.running import job as module
from bonas.studies.running.interrupts import Terminated
from bonas.studies.running.job import DONE, Job, run_packed
from bonas.studies.running.ledger import Entry
from bonas.studies.storages.opening import open_storage

OBJECTIVES: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}


def ending(candidate: Candidate) -> dict[str, float]:
    """Try to end the process."""
    raise SystemExit(3)


def terminated(candidate: Candidate) -> dict[str, float]:
    """Be ended by a signal."""
    raise Terminated


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A journal with a study whose budget is 3."""
    storage = str(tmp_path / "a.log")
    study = optuna.create_study(
        study_name="s", storage=open_storage(storage), directions=list(OBJECTIVES.values())
    )
    set_names(study, list(OBJECTIVES))
    BUDGET.write(study, 3)
    return storage


def job_of(path: str, evaluate: Any = cheap, **more: Any) -> Job:
    """Return a job whose asker is gone, so that the worker proposes for itself."""
    search = bonas.Search(SPACE, evaluate, OBJECTIVES, surrogate="random")
    given = {"study": "s", "seed": 0, "lease": 0.1, "asker": "gone", "since": 0, **more}
    return Job(search, path, **given)


def study_at(path: str) -> optuna.Study:
    """Return the study of a job."""
    return optuna.load_study(study_name="s", storage=open_storage(path))


def test_a_job_works_until_nothing_is_left(path: str) -> None:
    heard: list[Entry] = []
    assert job_of(path).run(heard.append) == DONE
    assert evaluated(study_at(path)) == 3
    assert [entry.number for entry in heard if entry.stored] == [0, 1, 2]


def test_a_job_is_done_where_another_one_left_off(path: str) -> None:
    packed = by_value(job_of(path))
    assert run_packed(packed) == run_packed(packed) == DONE
    assert evaluated(study_at(path)) == 3


def test_a_job_ends_before_the_next_evaluation_if_its_asker_says_so(path: str) -> None:
    stop_workers(study_at(path), "gone")
    assert job_of(path).run() == DONE
    assert study_at(path).trials == []


def test_what_cannot_be_unpacked_is_explained() -> None:
    with pytest.raises(InvalidArgument, match="a worker cannot load what it was sent"):
        run_packed(b"no pickle")
    with pytest.raises(InvalidArgument, match="can be imported where the workers run"):
        run_packed(b"cno_such_module_of_mine\nSearch\n.")


def test_an_evaluation_that_ends_its_process_is_an_error_of_the_job(path: str) -> None:
    """An executor may take a SystemExit for its own end."""
    with pytest.raises(RuntimeError, match=r"the worker was ended by SystemExit\(3\)"):
        job_of(path, ending).run()
    (trial,) = study_at(path).trials
    assert (trial.state, RELEASED.is_in(trial)) == (TrialState.FAIL, True)


@pytest.mark.parametrize("is_child", [True, False])
def test_only_a_child_may_end_by_a_signal(path: str, is_child: bool) -> None:
    with pytest.raises(Terminated if is_child else RuntimeError):
        job_of(path, terminated, child=is_child).run()


def test_a_child_whose_parent_is_gone_begins_nothing(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def is_alive(self) -> bool:
            return False

    monkeypatch.setattr(module.multiprocessing, "parent_process", Gone)
    assert job_of(path, child=True).run() == DONE
    assert study_at(path).trials == []
    assert job_of(path).run() == DONE  # a worker of an executor has no parent to follow
    assert evaluated(study_at(path)) == 3


def test_a_job_can_be_sent(path: str) -> None:
    job = job_of(path)
    sent = pickle.loads(pickle.dumps(job))
    assert (sent.storage, sent.study, sent.seed) == (path, "s", 0)
