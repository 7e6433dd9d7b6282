"""A journal is opened by several processes; a half line that one left is dropped."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import optuna
import pytest

from bonas.errors import StorageUnavailable
from bonas.optuna_internals import storage_of
from bonas.studies.storages import journal_file
from bonas.studies.storages.journal import is_journal, open_journal
from bonas.studies.storages.opening import open_storage
from bonas.studies.study import load_study


def _with_study(path: Path) -> optuna.Study:
    study = optuna.create_study(storage=open_journal(path), study_name="s")
    study.add_trial(optuna.create_trial(value=1.0))
    return study


def test_a_journal_is_a_path_with_its_ending() -> None:
    assert is_journal("bench.log")
    assert is_journal("deep/er.journal")
    assert not is_journal("sqlite:///bench.log")
    assert not is_journal("bench.db")
    assert not is_journal(3)


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    study = _with_study(tmp_path / "a.log")
    other = optuna.load_study(study_name="s", storage=open_storage(tmp_path / "a.log"))
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in other.trials] == [1.0, 2.0]


def test_a_half_written_line_is_dropped_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    _with_study(path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"study')
    study = optuna.load_study(study_name="s", storage=open_journal(path))
    assert path.read_bytes() == whole
    study.add_trial(optuna.create_trial(value=2.0))
    again = optuna.load_study(study_name="s", storage=open_journal(path))
    assert [trial.value for trial in again.trials] == [1.0, 2.0]


def test_opening_to_read_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    _with_study(path)
    broken = path.read_bytes() + b"half"
    path.write_bytes(broken)
    study = optuna.load_study(study_name="s", storage=open_journal(path, create=False))
    assert len(study.trials) == 1
    assert path.read_bytes() == broken
    with pytest.raises(StorageUnavailable, match="there is no file"):
        open_journal(tmp_path / "none.log", create=False)
    assert not (tmp_path / "none.log").exists()


@pytest.mark.parametrize("content", ["a diary", "a diary\n", '{"a": 1}\n', "[1]\n", "1\n2\n"])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "diary.log"
    path.write_text(content)
    with pytest.raises(StorageUnavailable, match=r"cannot open .*diary.log as a journal"):
        open_storage(path)
    assert path.read_text() == content


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="in a folder that exists"):
        open_storage(str(tmp_path / "none" / "a.log"))


def test_a_study_of_another_program_in_a_journal_is_refused(tmp_path: Path) -> None:
    _with_study(tmp_path / "a.log")
    with pytest.raises(Exception, match="was not made by"):
        load_study(tmp_path / "a.log", "s")


def test_a_journal_that_was_sent_to_another_process_reads_on(tmp_path: Path) -> None:
    study = _with_study(tmp_path / "a.log")
    sent = pickle.loads(pickle.dumps(storage_of(study)))
    study.add_trial(optuna.create_trial(value=2.0))
    other = optuna.load_study(study_name="s", storage=sent)
    other.add_trial(optuna.create_trial(value=3.0))
    assert [trial.value for trial in other.trials] == [1.0, 2.0, 3.0]
    assert [trial.value for trial in study.trials] == [1.0, 2.0, 3.0]


def test_a_file_that_is_replaced_while_it_is_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    study = _with_study(path)
    append = journal_file._append

    def replaced(handle: int, text: bytes) -> None:
        shutil.copy(path, tmp_path / "copy")
        shutil.move(tmp_path / "copy", path)
        append(handle, text)

    monkeypatch.setattr(journal_file, "_append", replaced)
    with pytest.raises(StorageUnavailable, match="was replaced while it was in use"):
        study.set_user_attr("a", 1)


def test_a_write_that_fails_half_way_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    study = _with_study(path)
    before, write = path.read_bytes(), os.write

    def full(handle: int, text: bytes) -> int:
        if len(text) < 10 or path.stat().st_size > len(before):
            raise OSError(28, "No space left on device")
        return write(handle, text[:5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda h, x: write(h, x) if b"host" in x else full(h, x))
        with pytest.raises(StorageUnavailable, match="No space left on device; all lines before"):
            study.set_user_attr("a", 1)
    assert path.read_bytes() == before
    study.set_user_attr("a", 2)
    assert study.user_attrs == {"a": 2}
