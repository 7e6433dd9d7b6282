"""What evaluations, storages and other programs do to a search, and what it says then."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

import bonas
from bonas.errors import BonasError, EvaluationFailed, InvalidArgument, StorageUnavailable
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace
from bonas.studies import ArchitectureSampler, outcomes
from bonas.studies.records import DIED
from bonas.studies.running import trials
from bonas.studies.running.coordinator import _store_left
from bonas.studies.running.interrupts import Terminated, held_back
from bonas.studies.running.ledger import Entry, Ledger, with_rows

SPACE = MLPSpace(inputs=4, classes=3, depths=(1, 2), widths=(8, 16, 32))


def searched(evaluate: Callable[[Candidate], Any], n: int, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **more}
    return bonas.optimize(SPACE, n, evaluate=evaluate, objectives={"accuracy": "maximize"}, **given)


def plain(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": float(candidate.number)}


# --- an evaluation ends its process


class OwnEnd(BaseException):
    """Of somebody's framework."""


class Ending:
    """Ends its process, one way or another, at the fourth proposal."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        if candidate.number == 3:
            self.end()
        return plain(candidate)

    def end(self) -> None:
        if self.way == "status 0":
            os._exit(0)
        if self.way == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        raise {
            "KeyboardInterrupt": KeyboardInterrupt(),
            "sys.exit": SystemExit(5),
            "sys.exit(0)": SystemExit(0),
            "GeneratorExit": GeneratorExit(),
            "own": OwnEnd("no more"),
        }[self.way]


WAYS = ["status 0", "KeyboardInterrupt", "sys.exit", "sys.exit(0)", "GeneratorExit", "own"]


@pytest.mark.parametrize("way", WAYS)
def test_an_evaluation_that_ends_its_worker_is_a_failure_at_last(way: str, tmp_path: Path) -> None:
    storage = str(tmp_path / "a.log")
    found = searched(Ending(way), 6, storage=storage, n_jobs=2, isolation=None)
    assert found.missing == 0
    assert len(found.candidates) == 5
    (text,) = found.failures.values()
    assert "8 processes died while they evaluated it" in text
    (failed,) = [t for t in found.study.trials if outcomes.is_deadly(t)]
    assert Candidate.of(SPACE, failed).number == 3


@pytest.mark.parametrize("way", ["sys.exit", "GeneratorExit", "own", "KeyboardInterrupt"])
def test_in_threads_too(way: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        found = searched(Ending(way), 6, storage=InMemoryStorage(), n_jobs=2, executor=threads)
    assert (found.missing, len(found.candidates), len(found.failures)) == (0, 5, 1)


@pytest.mark.parametrize("way", ["sys.exit", "GeneratorExit", "own"])
def test_one_worker_raises_it_and_gives_up_after_some_calls(way: str) -> None:
    storage = InMemoryStorage()
    for _ in range(8):
        with pytest.raises((SystemExit, GeneratorExit, OwnEnd)):
            searched(Ending(way), 6, storage=storage, study_name="s", isolation=None)
    found = searched(Ending(way), 6, storage=storage, study_name="s", isolation=None)
    assert (found.missing, len(found.candidates), len(found.failures)) == (0, 5, 1)
    assert "the last one by" in str(found.failures)


def exiting(candidate: Candidate) -> dict[str, float]:
    os._exit(0)


def test_evaluations_that_all_end_their_processes_end_the_search(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match="5 architectures in a row ended every process"):
        searched(exiting, 30, storage=str(tmp_path / "a.log"), n_jobs=2, isolation=None)


def interrupted(candidate: Candidate) -> dict[str, float]:
    if candidate.number == 3:
        raise KeyboardInterrupt
    return plain(candidate)


def test_an_interrupted_search_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    found = searched(interrupted, 6)
    assert found.missing == 3
    assert str(found).endswith("3 of 6 evaluated")
    assert "interrupted" in caplog.text
    whole = searched(plain, 6)
    assert whole.missing == 0
    assert "evaluated" not in str(whole)


# --- an evaluation meddles


def test_an_evaluation_that_tells_its_trial_is_told_so() -> None:
    storage = InMemoryStorage()

    def telling(candidate: Candidate) -> dict[str, float]:
        study = optuna.load_study(study_name="s", storage=storage)
        study.tell(study.trials[-1].number, 1.0)
        return {"accuracy": 2.0}

    with pytest.raises(EvaluationFailed, match="leaves it to bonas to tell its trial"):
        searched(telling, 4, storage=storage, study_name="s")


def test_an_evaluation_that_fails_its_trial_is_told_so() -> None:
    storage = InMemoryStorage()

    def failing(candidate: Candidate) -> dict[str, float]:
        study = optuna.load_study(study_name="s", storage=storage)
        study.tell(study.trials[-1].number, state=TrialState.FAIL)
        raise RuntimeError("no luck")

    with pytest.raises(EvaluationFailed, match="to run until its evaluation returns"):
        searched(failing, 4, storage=storage, study_name="s")


FORKING = """
import os, sys, bonas
space = bonas.spaces.MLPSpace(inputs=4, classes=3, depths=(1, 2), widths=(8, 16, 32))
def evaluate(candidate):
    if candidate.number == 2:
        os.fork()
    return {"accuracy": float(candidate.number)}
if __name__ == "__main__":
    try:
        found = bonas.optimize(space, 5, evaluate=evaluate, objectives={"accuracy": "maximize"},
                               surrogate="random", seed=0, progress=False, storage=sys.argv[1],
                               n_jobs=int(sys.argv[2]))
        print("MEASURED", len(found.candidates), [t.values for t in found.study.trials], flush=True)
    except bonas.BonasError as error:
        print("ERROR", error, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_copy_of_a_process_that_forked_stores_nothing(n_jobs: int, tmp_path: Path) -> None:
    script = tmp_path / "forking.py"
    script.write_text(FORKING)
    command = [sys.executable, str(script), str(tmp_path / "a.log"), str(n_jobs)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.count("MEASURED 5") == 1
    assert "the evaluation forked its process" in done.stdout + done.stderr


# --- where several workers cannot be had


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_several_processes_cannot_share_a_database_in_memory(url: str) -> None:
    with pytest.raises(InvalidArgument, match="cannot see a study in memory"):
        searched(plain, 4, n_jobs=2, storage=url)


def tried_by_a_daemon(sender: Any) -> None:
    try:
        searched(plain, 4, n_jobs=2)
    except BonasError as error:
        sender.send(str(error))


def test_a_daemon_may_start_no_workers() -> None:
    context = multiprocessing.get_context("spawn")
    heard, sender = context.Pipe(duplex=False)
    process = context.Process(target=tried_by_a_daemon, args=(sender,), daemon=True)
    process.start()
    assert heard.poll(60)
    assert "is a daemon" in heard.recv()
    process.join()


# --- trials of other programs


def test_a_trial_that_nobody_runs_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bonas.studies.running.worker._PATIENCE", 0.1)
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    choices = SPACE.completed({})
    offered = {name: SPACE.distributions[name] for name in choices}
    study.add_trial(
        create_trial(state=TrialState.RUNNING, params=dict(choices), distributions=offered)
    )
    end = threading.Timer(1.5, lambda: study.tell(0, state=TrialState.FAIL))
    end.start()
    found = searched(plain, 4, storage=storage, study_name="s")
    assert found.missing == 0
    assert caplog.text.count("waiting for trial 0") == 1


# --- threads of a program that asks for itself


class Slow(InMemoryStorage):
    """Writing takes a while, as over a network."""

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        time.sleep(0.005 * (trial_id % 4))
        super().set_trial_system_attr(trial_id, key, value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        time.sleep(0.005 * (trial_id % 3))
        super().set_trial_user_attr(trial_id, key, value)


def test_threads_of_a_study_ask_for_different_networks() -> None:
    sampler = ArchitectureSampler(SPACE, surrogate="random", seed=0)
    study = optuna.create_study(storage=Slow(), sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        SPACE.suggest(trial)
        return 1.0

    study.optimize(objective, n_trials=12, n_jobs=8)
    assert len({SPACE.architecture(trial.params).key for trial in study.trials}) == 12


def test_processes_that_ask_for_themselves_see_each_other() -> None:
    """Both propose before either has written; the one that sees the other takes another network."""
    storage = InMemoryStorage()
    optuna.create_study(storage=storage, study_name="s")
    studies = [
        optuna.load_study(
            study_name="s",
            storage=storage,
            sampler=ArchitectureSampler(SPACE, surrogate="random", seed=0),
        )
        for _ in range(8)
    ]

    def ask(study: optuna.Study) -> None:
        study.ask(dict(SPACE.distributions))

    askers = [threading.Thread(target=ask, args=(study,)) for study in studies]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    keys = [SPACE.architecture(SPACE.completed(t.params)).key for t in studies[0].trials]
    assert len(set(keys)) == 8


def test_a_sampler_can_be_pickled() -> None:
    sampler = ArchitectureSampler(SPACE, surrogate="random", seed=0)
    study = optuna.create_study(sampler=pickle.loads(pickle.dumps(sampler)))
    assert study.ask(dict(SPACE.distributions)).params


# --- what is measured and cannot be stored


class Failing(InMemoryStorage):
    """Refuses to store values from a certain trial on."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__()
        self.broken = broken

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        if state == TrialState.COMPLETE and trial_id >= 3:
            raise OSError("no space left on device")
        return super().set_trial_state_values(trial_id, state, values)

    def get_all_trials(self, study_id: int, *given: Any, **more: Any) -> Any:
        if self.broken and any(t.values for t in super().get_all_trials(study_id)[2:]):
            raise KeyError(study_id)
        return super().get_all_trials(study_id, *given, **more)


def test_what_cannot_be_stored_is_in_the_error() -> None:
    storage = Failing()
    with pytest.raises(StorageUnavailable, match="no space left") as caught:
        searched(plain, 6, storage=storage)
    ((choices, values),) = caught.value.rows
    assert values == {"accuracy": 3.0}
    assert f"warm_start=[({choices}, {values})]" in str(caught.value)
    assert caught.value.study is not None
    again = searched(plain, 6, warm_start=caught.value.rows)
    assert dict(again.study.trials[0].params) == choices


def test_with_several_workers_too() -> None:
    barrier = threading.Barrier(2, timeout=10.0)

    def together(candidate: Candidate) -> dict[str, float]:
        if candidate.number >= 3:
            barrier.wait()
        return plain(candidate)

    with ThreadPoolExecutor(2) as threads, pytest.raises(StorageUnavailable) as caught:
        searched(together, 8, storage=Failing(), n_jobs=2, executor=threads)
    assert sorted(values["accuracy"] for _, values in caught.value.rows) == [3.0, 4.0]


def test_errors_with_rows_can_be_sent() -> None:
    error = with_rows(StorageUnavailable("gone"), [({"a": 1}, {"accuracy": 1.0})])
    again = pickle.loads(pickle.dumps(error))
    assert again.rows == error.rows == [({"a": 1}, {"accuracy": 1.0})]


def test_a_ledger_knows_what_is_not_stored() -> None:
    heard: list[Entry] = []
    ledger, study = Ledger(heard.append), optuna.create_study()
    for number in range(2):
        ledger.measured(number, ({"x": number}, {"accuracy": 1.0}))
    ledger.stored(0)
    assert ledger.outstanding() == {1: ({"x": 1}, {"accuracy": 1.0})}
    assert [entry.stored for entry in heard] == [False, False, True]
    assert len(ledger.lost(None, study, ["accuracy"])) == 2  # the study holds neither
    study.add_trial(
        create_trial(
            value=1.0,
            params={"x": 0},
            distributions={"x": optuna.distributions.IntDistribution(0, 9)},
        )
    )
    assert ledger.lost(None, study, ["accuracy"]) == [({"x": 1}, {"accuracy": 1.0})]


def test_all_rows_of_a_call_are_told_where_its_file_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"

    def losing(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 3:
            path.unlink()
        return plain(candidate)

    with pytest.raises(StorageUnavailable) as caught:
        searched(losing, 6, storage=str(path))
    assert [values["accuracy"] for _, values in caught.value.rows] == [0.0, 1.0, 2.0, 3.0]


# --- interrupts


def test_an_interrupt_waits_for_the_end_of_a_write() -> None:
    done = []

    def write() -> None:
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("written")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_does_not_wait() -> None:
    done = []

    def write() -> None:
        with held_back():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            done.append("written")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert not done


def test_told_to_end_is_an_interrupt() -> None:
    assert issubclass(Terminated, KeyboardInterrupt)


# --- files that are damaged while a search runs


def deleted(path: Path) -> None:
    path.unlink()


def overwritten(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


def corrupted(path: Path) -> None:
    """Damage a line in the middle, which no process reads again."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[len(lines) // 2] = b"\xff" * 20 + b"\n"
    path.write_bytes(b"".join(lines))


def replaced(path: Path) -> None:
    """Put an older copy in its place."""
    shutil.copy(f"{path}.old", f"{path}.new")
    os.replace(f"{path}.new", path)


@pytest.mark.parametrize("given", ["path", "opened", "Optuna's"])
@pytest.mark.parametrize("attack", [deleted, overwritten, corrupted, replaced])
def test_a_journal_that_is_damaged_is_told_with_what_it_lost(
    attack: Callable[[Path], None], given: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    storage: Any = {
        "path": lambda: str(path),
        "opened": lambda: bonas.studies.open(str(path)),
        "Optuna's": lambda: JournalStorage(JournalFileBackend(str(path))),
    }[given]()

    def attacking(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 2:
            shutil.copy(path, f"{path}.old")
        if candidate.number == 4:
            attack(path)
        return plain(candidate)

    with pytest.raises(StorageUnavailable) as caught:
        searched(attacking, 6, storage=storage)
    found = {values["accuracy"] for _, values in caught.value.rows}
    assert 4.0 in found or (given == "Optuna's" and attack in (overwritten, corrupted))
    if given == "path":
        assert found >= ({2.0, 3.0, 4.0} if attack is replaced else {0.0, 1.0, 2.0, 3.0, 4.0})


# --- a worker that dies between measuring and storing


class Dying:
    """Its process ends when the fourth value is measured, before it is stored."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        with self.notes.open("a") as file:
            file.write(f"{candidate.number}\n")
        if candidate.number == 3:
            trials.complete = lambda *_: os._exit(1)  # in this worker's process
        return plain(candidate)


def test_what_a_worker_did_not_live_to_store_is_stored(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    found = searched(Dying(notes), 6, storage=str(tmp_path / "a.log"), n_jobs=2)
    assert found.missing == 0
    assert {c.values["accuracy"] for c in found.candidates} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
    deaths = outcomes.deaths(found.study.trials)
    assert len(notes.read_text().split()) <= 6 + deaths  # the other worker may have been faster


def test_it_is_stored_once() -> None:
    sampler = ArchitectureSampler(SPACE, surrogate="random", seed=0)
    study = optuna.create_study(sampler=sampler)
    asked = [study.ask(dict(SPACE.distributions)) for _ in range(3)]
    trials.release(study, study.trials[1], DIED)
    study.tell(asked[2], 2.0)
    left = {trial.number: (trial.params, {"value": float(trial.number)}) for trial in asked}
    for _ in range(2):
        _store_left(study, left, ["value"])
    values = [trial.values for trial in study.trials if outcomes.counts(trial)]
    assert sorted(values) == [[0.0], [1.0], [2.0]]
