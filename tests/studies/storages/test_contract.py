"""Every storage of bonas keeps Optuna's contract, and raises only the errors it names."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import TrialState
from sqlalchemy import exc

from bonas.errors import InvalidArgument, StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.contract import RecordGone, translate
from bonas.studies.storages.opening import open_storage
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage

URLS = ["sqlite:///{}/a.db", "{}/a.log"]


@pytest.fixture(params=URLS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> BaseStorage:
    return open_storage(request.param.format(tmp_path))


class TestContract(StorageTestCase):
    """Optuna's own contract tests of a storage."""


def _study(storage: BaseStorage) -> int:
    return storage.create_new_study([StudyDirection.MINIMIZE], "s")


# Values that cannot be stored


WRITES: list[Callable[[BaseStorage, int, int, Any], object]] = [
    lambda storage, study, trial, value: storage.set_study_user_attr(study, "a", value),
    lambda storage, study, trial, value: storage.set_study_system_attr(study, "a", value),
    lambda storage, study, trial, value: storage.set_trial_user_attr(trial, "a", value),
    lambda storage, study, trial, value: storage.set_trial_system_attr(trial, "a", value),
]


def _endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def _deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize("write", WRITES, ids=range(len(WRITES)))
@pytest.mark.parametrize("make", [set, object, lambda: b"x", _endless, _deep])
def test_what_is_no_json_is_an_invalid_argument(
    storage: BaseStorage, write: Callable[..., object], make: Callable[[], object]
) -> None:
    study = _study(storage)
    trial = storage.create_new_trial(study)
    with pytest.raises(InvalidArgument, match="cannot hold this value") as caught:
        write(storage, study, trial, make())
    assert isinstance(caught.value, ValueError)
    write(storage, study, trial, "short")
    assert storage.get_trial(trial).state == TrialState.RUNNING


def test_lone_surrogates_are_stored_or_are_invalid(storage: BaseStorage) -> None:
    study = _study(storage)
    storage.set_study_user_attr(study, "a", "\ud800")
    assert storage.get_study_user_attrs(study) == {"a": "\ud800"}
    try:
        storage.set_study_user_attr(study, "\ud800", 1)
    except InvalidArgument:
        assert storage.get_study_user_attrs(study) == {"a": "\ud800"}
    else:
        assert storage.get_study_user_attrs(study)["\ud800"] == 1


def test_a_number_that_is_too_large_is_an_invalid_argument(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    trial = storage.create_new_trial(_study(storage))
    with pytest.raises(InvalidArgument, match="too large"):
        storage.set_trial_intermediate_value(trial, 2**70, 1.0)


def test_a_distribution_unlike_those_before_is_an_invalid_argument(storage: BaseStorage) -> None:
    study = _study(storage)
    one, other = storage.create_new_trial(study), storage.create_new_trial(study)
    storage.set_trial_param(one, "x", 0.5, FloatDistribution(0.0, 1.0))
    with pytest.raises(ValueError, match="distribution"):
        storage.set_trial_param(other, "x", 1.0, optuna.distributions.IntDistribution(0, 1))


# Records that are not there


def test_an_unknown_record_is_a_key_error_and_no_more(storage: BaseStorage) -> None:
    for read in (
        lambda: storage.get_trial(77),
        lambda: storage.get_all_trials(77),
        lambda: storage.get_study_id_from_name("none"),
        lambda: storage.set_trial_user_attr(77, "a", 1),
    ):
        with pytest.raises(KeyError) as caught:
            read()
        assert not isinstance(caught.value, StorageUnavailable)


def test_a_study_that_another_deleted_is_both_unavailable_and_unknown(tmp_path: Path) -> None:
    for url in URLS:
        storage, other = (open_storage(url.format(tmp_path)) for _ in range(2))
        study = _study(storage)
        storage.get_all_trials(study)
        other.delete_study(study)
        with pytest.raises(RecordGone, match="does not hold a study or trial any more") as caught:
            storage.get_study_user_attrs(study)
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, StorageUnavailable)
        assert str(caught.value).startswith("the storage")


# Everything else


DAMAGES = [
    "update trials set state = 'NONSENSE'",
    "update trials set datetime_start = 'yesterday'",
    "update trial_user_attributes set value_json = '{'",
    'update trial_params set distribution_json = \'{"name": "None", "attributes": {}}\'',
    "update trial_params set distribution_json = '{}'",
    "update trial_values set objective = 7",
    "alter table trials rename column state to stat",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_reported(tmp_path: Path, damage: str) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    study = optuna.load_study(study_name="s", storage=storage) if _study(storage) else None
    assert study is not None
    trial = study.ask({"x": FloatDistribution(0.0, 1.0)})
    trial.set_user_attr("a", 1)
    study.tell(trial, 1.0)
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute(damage)
    other.commit()
    other.close()
    fresh = open_storage(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(StorageUnavailable, match=r"a\.db"):
        fresh.get_all_trials(study._study_id)


class Raises(InMemoryStorage):
    """A storage that raises ``error`` when an attribute is read or written."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        raise self.error

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        raise self.error


ERRORS = [
    (OSError(5, "Input/output error"), StorageUnavailable, StorageUnavailable),
    (IsADirectoryError(21, "Is a directory"), StorageUnavailable, StorageUnavailable),
    (json.JSONDecodeError("no", "x", 0), StorageUnavailable, StorageUnavailable),
    (UnicodeDecodeError("utf-8", b"\xaf", 0, 1, "x"), StorageUnavailable, StorageUnavailable),
    (RuntimeError("of Optuna"), StorageUnavailable, StorageUnavailable),
    (AssertionError("Should not reach."), StorageUnavailable, StorageUnavailable),
    (KeyError("op_code"), StorageUnavailable, StorageUnavailable),
    (IndexError("list"), StorageUnavailable, StorageUnavailable),
    (StorageInternalError("of Optuna"), StorageUnavailable, StorageUnavailable),
    (exc.IntegrityError("s", None, Exception("foreign")), StorageUnavailable, StorageUnavailable),
    (exc.DataError("s", None, Exception("too long")), InvalidArgument, InvalidArgument),
    (exc.StatementError("e", "s", None, TypeError("t")), StorageUnavailable, InvalidArgument),
    (TypeError("not JSON serializable"), StorageUnavailable, InvalidArgument),
    (ValueError("of a value"), StorageUnavailable, InvalidArgument),
    (UpdateFinishedTrialError("3"), UpdateFinishedTrialError, UpdateFinishedTrialError),
    (KeyError("Record does not exist."), KeyError, KeyError),
    (KeyError(7), KeyError, KeyError),
    (MemoryError(), MemoryError, MemoryError),
]


@pytest.mark.parametrize(("error", "reading", "writing"), ERRORS, ids=lambda x: str(x)[:30])
def test_every_error_is_one_of_the_contract(
    error: Exception, reading: type[Exception], writing: type[Exception]
) -> None:
    address = Address("sqlite:///a.db")
    storage = RetryingStorage(Raises(error), address, Retry(address, lambda _: None, 0.0))
    with pytest.raises(reading) as caught:
        storage.get_study_user_attrs(0)
    assert caught.value is error or caught.value.__cause__ is error
    with pytest.raises(writing):
        storage.set_study_user_attr(0, "a", 1)


def test_errors_about_the_best_trial_are_those_of_optuna(storage: BaseStorage) -> None:
    study = _study(storage)
    with pytest.raises(ValueError, match=r"No trials are|does not exist") as caught:
        storage.get_best_trial(study)
    assert not isinstance(caught.value, InvalidArgument)
    both = storage.create_new_study([StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE], "t")
    storage.set_trial_state_values(storage.create_new_trial(both), TrialState.COMPLETE, [1.0, 2.0])
    with pytest.raises(RuntimeError, match="Best trial can be obtained only") as raised:
        storage.get_best_trial(both)
    assert not isinstance(raised.value, StorageUnavailable)
    trial = storage.create_new_trial(study)
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    assert storage.get_best_trial(study).value == 1.0


def test_a_driver_that_cannot_bind_a_value_blames_the_value() -> None:
    driver = sqlite3.InterfaceError("Error binding parameter 1 - probably unsupported type")
    error = exc.InterfaceError("insert", None, driver)
    address = Address("sqlite:///a.db")
    raised = translate(error, address, writes=False, was_known=False)
    assert isinstance(raised, InvalidArgument)
    assert "binding parameter 1" in str(raised)


def test_a_key_error_without_a_text_is_about_an_unknown_record() -> None:
    address = Address("grpc://h:1")
    error = KeyError()
    assert translate(error, address, writes=False, was_known=False) is error
    raised = translate(error, address, writes=False, was_known=True)
    assert isinstance(raised, RecordGone)
    assert "(no record)" in str(raised)


def test_no_error_shows_a_password() -> None:
    address = Address("postgresql://me:hush@h/d")
    error = OSError("cannot reach postgresql://me:hush@h/d")
    raised = translate(error, address, writes=False, was_known=False)
    assert "hush" not in str(raised)
    assert address.safe_cause(error) is None
