"""What waiting mends is waited for; what a lost answer did already is not done twice."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence

import optuna
import pytest
from optuna.exceptions import (
    DuplicatedStudyError,
    StorageInternalError,
    UpdateFinishedTrialError,
)
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import exc

from bonas.errors import StorageUnavailable
from bonas.studies.storages import retry
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import (
    Classification,
    ErrorClass,
    classify_grpc,
    classify_sql,
)
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage

MINIMIZE = [StudyDirection.MINIMIZE]


class Lost(Exception):
    """A connection that broke."""


class Answers(InMemoryStorage):
    """Does what it is told, but the first answers of a method in ``lost`` never arrive."""

    def __init__(self, lost: dict[str, int]) -> None:
        super().__init__()
        self.lost = lost
        self.after: Callable[[], object] = lambda: None

    def _answer(self, name: str) -> None:
        if self.lost.get(name, 0):
            self.lost[name] -= 1
            self.after()
            raise Lost

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        found = super().create_new_study(directions, study_name)
        self._answer("create_new_study")
        return found

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._answer("delete_study")

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        done = super().set_trial_state_values(trial_id, state, values)
        self._answer("set_trial_state_values")
        return done


_BROKEN = Classification(ErrorClass.UNREACHABLE, "the connection broke")


def _lost(error: Exception) -> Classification | None:
    return (
        Classification(ErrorClass.UNREACHABLE, "the connection broke")
        if isinstance(error, Lost)
        else None
    )


def _patient(storage: InMemoryStorage, limit: float = 10.0) -> RetryingStorage:
    address = Address("sqlite://")
    return RetryingStorage(storage, address, Retry(address, _lost, limit))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST", 0.001)


def test_a_study_made_before_the_answer_was_lost_is_found() -> None:
    storage = _patient(Answers({"create_new_study": 1}))
    found = storage.create_new_study(MINIMIZE, "s")
    assert storage.get_study_id_from_name("s") == found
    unnamed = _patient(Answers({"create_new_study": 1}))
    unnamed.create_new_study(MINIMIZE)
    assert len(unnamed.get_all_studies()) == 1


def test_the_study_of_another_is_not_taken_for_ours() -> None:
    storage = _patient(Answers({}))
    storage.create_new_study(MINIMIZE, "s")
    with pytest.raises(DuplicatedStudyError):
        storage.create_new_study(MINIMIZE, "s")
    answers = Answers({"create_new_study": 1})
    answers.after = lambda: answers.create_new_trial(0)  # somebody works in it already
    with pytest.raises(DuplicatedStudyError):
        _patient(answers).create_new_study(MINIMIZE, "s")


@pytest.mark.parametrize(
    ("state", "values"), [(TrialState.COMPLETE, (2.0,)), (TrialState.FAIL, None)]
)
def test_a_trial_finished_before_the_answer_was_lost_is_finished_once(
    state: TrialState, values: tuple[float] | None
) -> None:
    storage = _patient(Answers({"set_trial_state_values": 2}))
    trial = storage.create_new_trial(storage.create_new_study(MINIMIZE, "s"))
    assert storage.set_trial_state_values(trial, state, values)
    assert storage.get_trial(trial).state == state
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial, state, values)


def test_a_trial_that_another_finished_otherwise_is_not_ours() -> None:
    class Finished(InMemoryStorage):
        first = True

        def set_trial_state_values(
            self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
        ) -> bool:
            if self.first:
                self.first = False
                super().set_trial_state_values(trial_id, TrialState.FAIL)
                raise Lost
            return super().set_trial_state_values(trial_id, state, values)

    storage = _patient(Finished())
    trial = storage.create_new_trial(storage.create_new_study(MINIMIZE, "s"))
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial, TrialState.COMPLETE, [2.0])


def test_a_waiting_trial_is_never_taken_twice() -> None:
    storage = _patient(Answers({"set_trial_state_values": 1}))
    study = optuna.create_study(storage=storage)
    study.enqueue_trial({"x": 1})
    study.enqueue_trial({"x": 2})
    assert study.ask().number == 1  # whether the first was taken by this process, nobody knows
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    assert states == [TrialState.RUNNING, TrialState.RUNNING]


def test_a_study_deleted_before_the_answer_was_lost_is_deleted() -> None:
    storage = _patient(Answers({"delete_study": 1}))
    storage.delete_study(storage.create_new_study(MINIMIZE, "s"))
    assert storage.get_all_studies() == []


def test_errors_that_are_no_faults_pass_at_once() -> None:
    with pytest.raises(KeyError):
        _patient(InMemoryStorage()).get_trial(7)


def test_an_outage_is_told_once_and_its_end_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [Lost()] * 5
    calls = Retry(Address("postgresql://h/d"), _lost, 10.0)

    def attempt() -> int:
        if left:
            raise left.pop()
        return 3

    with caplog.at_level(logging.INFO):
        assert calls(attempt) == 3
        assert calls(attempt) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "postgresql://h/d does not answer (the connection broke)" in caplog.text
    assert "answers again" in caplog.text


def test_many_threads_wait_together() -> None:
    back = threading.Event()
    calls = Retry(Address("postgresql://h/d"), _lost, 10.0)

    def attempt() -> int:
        if not back.is_set():
            raise Lost
        return 3

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(calls(attempt))) for _ in range(8)]
    for thread in threads:
        thread.start()
    back.set()
    for thread in threads:
        thread.join()
    assert found == [3] * 8


def test_patience_ends() -> None:
    def attempt() -> None:
        raise Lost

    with pytest.raises(StorageUnavailable, match=r"gave no answer for 0 seconds: the conn") as e:
        Retry(Address("postgresql://h/d"), _lost, 0.02)(attempt)
    assert isinstance(e.value.__cause__, Lost)


def test_what_waiting_cannot_mend_is_told_at_once() -> None:
    def attempt() -> None:
        raise Lost

    broken = Retry(
        Address("postgresql://h/d"),
        lambda _: Classification(ErrorClass.PERMANENT, "disk full"),
        limit=3600.0,
    )
    with pytest.raises(StorageUnavailable, match="refused: disk full"):
        broken(attempt)


class Driver(Exception):
    """A driver's error, with its number."""

    def __init__(self, *arguments: object, state: str | None = None) -> None:
        super().__init__(*arguments)
        if state is not None:
            self.sqlstate = state


def _sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("driver", "kind"),
    [
        (_sqlite(sqlite3.SQLITE_BUSY), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_FULL), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_IOERR_WRITE), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_READONLY_DIRECTORY), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_ERROR), ErrorClass.PERMANENT),  # no such table
        (Driver("terminating connection", state="57P01"), ErrorClass.UNREACHABLE),
        (Driver("starting up", state="57P03"), ErrorClass.UNREACHABLE),
        (Driver("lost", state="08006"), ErrorClass.UNREACHABLE),
        (Driver("deadlock", state="40P01"), ErrorClass.BUSY),
        (Driver("too many clients", state="53300"), ErrorClass.BUSY),
        (Driver("disk full", state="53100"), ErrorClass.PERMANENT),
        (Driver("read-only", state="25006"), ErrorClass.PERMANENT),
        (Driver("no such table", state="42P01"), ErrorClass.PERMANENT),
        (Driver("connection refused"), ErrorClass.UNREACHABLE),
        (Driver("the database system is shutting down"), ErrorClass.UNREACHABLE),
        (Driver('FATAL: password authentication failed for user "me"'), ErrorClass.PERMANENT),
        (Driver('FATAL: database "x" does not exist'), ErrorClass.PERMANENT),
        (Driver(2013, "Lost connection to MySQL server"), ErrorClass.UNREACHABLE),
        (Driver(1213, "Deadlock found"), ErrorClass.BUSY),
        (Driver(1045, "Access denied"), ErrorClass.PERMANENT),
    ],
)
def test_a_driver_says_whether_waiting_helps(driver: Exception, kind: ErrorClass) -> None:
    error = exc.OperationalError("insert", None, driver)
    internal = StorageInternalError("during the commit")
    internal.__cause__ = error
    for one in (error, internal):
        fault = classify_sql(one)
        assert fault is not None
        assert fault.error_class is kind


def test_what_is_wrong_with_a_value_is_no_fault_of_the_storage() -> None:
    assert classify_sql(exc.IntegrityError("insert", None, Driver("twice"))) is None
    assert classify_sql(exc.DataError("insert", None, Driver("too long"))) is None


def test_a_connection_lost_within_a_session_is_found_behind_what_follows() -> None:
    lost = exc.OperationalError("select", None, Driver("closed"), connection_invalidated=True)
    later = exc.PendingRollbackError("can't reconnect")
    later.__context__ = lost
    fault = classify_sql(later)
    assert fault == Classification(ErrorClass.UNREACHABLE, "closed")


def test_grpc_says_whether_waiting_helps() -> None:
    grpc = pytest.importorskip("grpc")

    class Error(grpc.RpcError):  # type: ignore[misc, name-defined]
        def __init__(self, code: object) -> None:
            self.code, self.details = lambda: code, lambda: "said the server"

    away = classify_grpc(Error(grpc.StatusCode.UNAVAILABLE))
    assert away == Classification(ErrorClass.UNREACHABLE, "UNAVAILABLE: said the server")
    unknown = classify_grpc(Error(grpc.StatusCode.UNKNOWN))
    assert unknown is not None
    assert unknown.error_class is ErrorClass.PERMANENT
    assert classify_grpc(KeyError("trial 3")) is None
