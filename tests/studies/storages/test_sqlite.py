"""SQLite: a trial is claimed once, and a file that was exchanged is detected."""

from __future__ import annotations

import pickle
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import racers

from bonas.errors import StorageUnavailable
from bonas.studies.storages.opening import open_storage


def _study(path: Path, trials: int = 0) -> optuna.Study:
    study = optuna.create_study(
        storage=open_storage(f"sqlite:///{path}"), study_name="s", load_if_exists=True
    )
    for number in range(trials):
        study.add_trial(optuna.create_trial(value=float(number)))
    return study


def test_a_waiting_trial_is_given_to_one_process(tmp_path: Path) -> None:
    study = _study(tmp_path / "a.db")
    for x in range(60):
        study.enqueue_trial({"x": x})
    won = racers.race(racers.claims, 4, f"sqlite:///{tmp_path}/a.db", range(1, 61))
    assert sum(won) == 60


def test_every_new_trial_has_its_own_number(tmp_path: Path) -> None:
    _study(tmp_path / "a.db")
    found = racers.race(racers.numbers, 4, f"sqlite:///{tmp_path}/a.db", 8)
    assert sorted(number for one in found for number in one) == list(range(32))


def _delete(path: Path, _: Path) -> None:
    path.unlink()


def _move(path: Path, older: Path) -> None:
    shutil.move(older, path)


def _overwrite(path: Path, older: Path) -> None:
    path.write_bytes(older.read_bytes())


def _overwrite_with_another(path: Path, older: Path) -> None:
    with sqlite3.connect(older) as other:  # with as many writes, and the same study
        other.execute("pragma application_id = 7")
        other.execute("pragma user_version = 1000")
    other.close()
    path.write_bytes(older.read_bytes())


@pytest.mark.parametrize(
    ("exchange", "message"),
    [
        (_delete, "was deleted while it was in use"),
        (_move, "was replaced by another file"),
        (_overwrite, "was replaced by an older copy"),
        (_overwrite_with_another, "was replaced by an older copy or another database"),
    ],
)
@pytest.mark.parametrize("writes", [False, True])
def test_a_file_that_was_exchanged_is_reported(
    tmp_path: Path, exchange: Callable[[Path, Path], None], message: str, writes: bool
) -> None:
    path, older = tmp_path / "a.db", tmp_path / "older.db"
    study = _study(path, 2)
    shutil.copy(path, older)
    study.add_trial(optuna.create_trial(value=2.0))
    exchange(path, older)
    with pytest.raises(StorageUnavailable, match=message):
        study.set_user_attr("a", 1) if writes else study.get_trials()
    assert path.exists() == (exchange is not _delete)  # nothing is made in its place


def test_the_right_file_put_back_goes_on(tmp_path: Path) -> None:
    study = _study(tmp_path / "a.db", 2)
    shutil.move(tmp_path / "a.db", tmp_path / "b.db")
    with pytest.raises(StorageUnavailable, match="was deleted"):
        study.get_trials()
    shutil.move(tmp_path / "b.db", tmp_path / "a.db")
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in study.trials] == [0.0, 1.0, 2.0]


def test_a_write_that_was_rolled_back_changes_no_version(tmp_path: Path) -> None:
    study = _study(tmp_path / "a.db", 1)
    with pytest.raises(optuna.exceptions.DuplicatedStudyError):
        study._storage.create_new_study(study.directions, "s")
    study.add_trial(optuna.create_trial(value=1.0))
    assert len(study.trials) == 2


def test_a_storage_can_be_sent_to_another_process(tmp_path: Path) -> None:
    study = _study(tmp_path / "a.db", 2)
    sent = pickle.loads(pickle.dumps(study._storage._wrapped))  # type: ignore[attr-defined]  # of the retrying one
    assert len(sent.get_all_trials(study._study_id)) == 2
    (tmp_path / "a.db").unlink()
    with pytest.raises(StorageUnavailable, match="was deleted"):
        sent.get_all_trials(study._study_id)


def test_other_programs_may_write_too(tmp_path: Path) -> None:
    study = _study(tmp_path / "a.db", 1)
    other = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'a.db'}")
    other.add_trial(optuna.create_trial(value=1.0))
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in other.trials] == [0.0, 1.0, 2.0]
