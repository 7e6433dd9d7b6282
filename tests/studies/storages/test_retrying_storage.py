"""A call whose answer was lost is repeated, and what it did already is not done twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna
import pytest
from optuna.exceptions import (
    DuplicatedStudyError,
    UpdateFinishedTrialError,
)
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from bonas.studies.storages import retry
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import (
    Classification,
    ErrorClass,
)
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage

MINIMIZE = [StudyDirection.MINIMIZE]


class Lost(Exception):
    """A connection that broke."""


class Answers(InMemoryStorage):
    """A storage whose first answers of the methods in ``lost`` never arrive."""

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


def _retrying(storage: InMemoryStorage, limit: float = 10.0) -> RetryingStorage:
    address = Address("sqlite://")
    return RetryingStorage(storage, address, Retry(address, _lost, limit))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST", 0.001)


def test_a_study_made_before_the_answer_was_lost_is_found() -> None:
    storage = _retrying(Answers({"create_new_study": 1}))
    found = storage.create_new_study(MINIMIZE, "s")
    assert storage.get_study_id_from_name("s") == found
    unnamed = _retrying(Answers({"create_new_study": 1}))
    unnamed.create_new_study(MINIMIZE)
    assert len(unnamed.get_all_studies()) == 1


def test_the_study_of_another_process_is_not_mistaken_for_ours() -> None:
    storage = _retrying(Answers({}))
    storage.create_new_study(MINIMIZE, "s")
    with pytest.raises(DuplicatedStudyError):
        storage.create_new_study(MINIMIZE, "s")
    answers = Answers({"create_new_study": 1})
    answers.after = lambda: answers.create_new_trial(0)  # another process uses it already
    with pytest.raises(DuplicatedStudyError):
        _retrying(answers).create_new_study(MINIMIZE, "s")


@pytest.mark.parametrize(
    ("state", "values"), [(TrialState.COMPLETE, (2.0,)), (TrialState.FAIL, None)]
)
def test_a_trial_finished_before_the_answer_was_lost_is_finished_once(
    state: TrialState, values: tuple[float] | None
) -> None:
    storage = _retrying(Answers({"set_trial_state_values": 2}))
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

    storage = _retrying(Finished())
    trial = storage.create_new_trial(storage.create_new_study(MINIMIZE, "s"))
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial, TrialState.COMPLETE, [2.0])


def test_a_waiting_trial_is_never_claimed_twice() -> None:
    storage = _retrying(Answers({"set_trial_state_values": 1}))
    study = optuna.create_study(storage=storage)
    study.enqueue_trial({"x": 1})
    study.enqueue_trial({"x": 2})
    assert study.ask().number == 1  # the first may have been claimed by this process or by another
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    assert states == [TrialState.RUNNING, TrialState.RUNNING]


def test_a_study_deleted_before_the_answer_was_lost_is_deleted() -> None:
    storage = _retrying(Answers({"delete_study": 1}))
    storage.delete_study(storage.create_new_study(MINIMIZE, "s"))
    assert storage.get_all_studies() == []


def test_an_error_about_an_unknown_record_is_not_retried() -> None:
    with pytest.raises(KeyError):
        _retrying(InMemoryStorage()).get_trial(7)


class Breaking(Answers):
    """A storage whose call breaks, and then raises ``error`` when it is repeated."""

    def __init__(self, error: Exception) -> None:
        super().__init__({"create_new_study": 1, "delete_study": 1, "set_trial_state_values": 1})
        self.error = error

    def _answer(self, name: str) -> None:
        if self.lost.get(name, 0) == 0:
            raise self.error
        super()._answer(name)


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.create_new_study(MINIMIZE, "t"),
        lambda storage: storage.delete_study(0),
        lambda storage: storage.set_trial_state_values(0, TrialState.FAIL),
    ],
    ids=["create_new_study", "delete_study", "set_trial_state_values"],
)
def test_another_error_of_a_repeated_call_is_raised(
    call: Callable[[RetryingStorage], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the error that shows the work as done counts as success."""
    broken = Breaking(MemoryError("none left"))
    for name in ("create_new_study", "delete_study", "set_trial_state_values"):
        # the work itself is left out, so that the repeated call meets the error alone
        monkeypatch.setattr(broken, name, lambda *_, method=name: broken._answer(method))
    with pytest.raises(MemoryError):
        call(_retrying(broken))


def test_a_session_is_removed_from_the_wrapped_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped, removed = InMemoryStorage(), []
    monkeypatch.setattr(wrapped, "remove_session", lambda: removed.append(1))
    _retrying(wrapped).remove_session()
    assert removed == [1]
