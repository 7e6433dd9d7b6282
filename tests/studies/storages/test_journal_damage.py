"""A journal that is deleted, truncated, exchanged or overwritten raises, with the line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from bonas.errors import StorageUnavailable
from bonas.studies.storages.journal import check_journal, open_journal


def _study(path: Path, trials: int = 0) -> optuna.Study:
    study = optuna.create_study(storage=open_journal(path), study_name="s", load_if_exists=True)
    for number in range(trials):
        study.add_trial(optuna.create_trial(value=float(number)))
    return study


def _delete(path: Path) -> None:
    path.unlink()


def _delete_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def _become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _older(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _older_and_longer(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1] + [lines[-2]] * 3))


def _another(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    shutil.move(path.with_name("copy"), path)


def _garbage_before(path: Path) -> None:
    found = bytearray(path.read_bytes())
    found[-30:-10] = b"\xff" * 20
    path.write_bytes(found)


DAMAGES = [
    (_delete, "was deleted"),
    (_delete_folder, "was deleted, or its folder"),
    (_become_folder, "became a folder"),
    (_empty, "was cut off, or replaced by an older copy: 0 of"),
    (_cut, "was cut off"),
    (_older, "was cut off, or replaced by an older copy"),
    (_older_and_longer, "was replaced by another one, or damaged before line 6"),
    (_another, "was replaced by another file while"),
    (_garbage_before, "damaged before line 6"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
@pytest.mark.parametrize("writes", [False, True])
def test_what_happened_to_the_file_is_reported(
    tmp_path: Path, damage: Callable[[Path], None], message: str, writes: bool
) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "a.log"
    study = _study(path, 4)
    damage(path)
    after = path.read_bytes() if path.is_file() else None
    with pytest.raises(StorageUnavailable, match=message) as caught:
        study.set_user_attr("a", 1) if writes else study.get_trials()
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == after


GARBAGE = [
    b"\xff\xfe\x00\n",
    b"\x00" * 50 + b"\n",
    b"\n",
    b"a diary\n",
    b"[" * 100_000 + b"\n",
    b'{"op_code":4}\n',
    b'{"op_code":99,"worker_id":"w"}\n',
    b'{"op_code":6,"worker_id":"w","trial_id":0,"state":9,"values":null}\n',
    b'{"op_code":6,"worker_id":"w","trial_id":0,"state":1,"values":[1.0]}\n',
    b'{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"yesterday"}\n',
    b'{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"x","param_value_internal":1,'
    b'"distribution":"{}"}\n',
    b'{"op_code":8,"worker_id":"w","trial_id":0,"user_attr":{}}\n',
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_an_invalid_line_is_named(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "a.log"
    study = _study(path, 2)  # three lines, and a check of what the study is for
    lines = check_journal(path)
    with path.open("ab") as file:
        file.write(garbage)
    message = rf"a\.log is damaged: line {lines + 1} cannot be read .*bonas rescue"
    for read in (study.get_trials, lambda: open_journal(path), lambda: check_journal(path)):
        with pytest.raises(StorageUnavailable, match=message):
            read()
    with pytest.raises(StorageUnavailable, match=message):  # again, and not only once
        study.get_trials()


def test_damage_far_behind_is_found_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    study = _study(path, 20)
    assert check_journal(path) == path.read_bytes().count(b"\n")
    found = path.read_bytes().splitlines(keepends=True)
    found[2] = b"\x00" * (len(found[2]) - 1) + b"\n"
    path.write_bytes(b"".join(found))
    assert len(study.get_trials()) == 20  # as it was read
    with pytest.raises(StorageUnavailable, match="line 3 cannot be read"):
        check_journal(path)


def test_a_half_line_at_the_end_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    study = _study(path, 2)
    lines = check_journal(path)
    with path.open("ab") as file:
        file.write(b'{"op_code":4,"work')
    assert check_journal(path) == lines
    assert len(study.get_trials()) == 2
    study.add_trial(optuna.create_trial(value=2.0))
    assert check_journal(path) == lines + 1


@pytest.mark.parametrize("change", [_delete, lambda path: path.mkdir()])
def test_a_journal_that_cannot_be_checked_is_reported(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.log"
    if change is _delete:
        path.touch()
    change(path)
    with pytest.raises(StorageUnavailable, match="cannot read the journal"):
        check_journal(path)


def test_a_first_line_that_is_damaged_is_reported_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    _study(path, 2)
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    with pytest.raises(StorageUnavailable, match="damaged: line 1 cannot be read"):
        open_journal(path)


def test_the_right_file_put_back_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    study = _study(path, 2)
    shutil.move(path, tmp_path / "b.log")
    with pytest.raises(StorageUnavailable, match="was deleted"):
        study.get_trials()
    shutil.move(tmp_path / "b.log", path)
    study.add_trial(optuna.create_trial(value=2.0))
    assert [trial.value for trial in study.trials] == [0.0, 1.0, 2.0]
