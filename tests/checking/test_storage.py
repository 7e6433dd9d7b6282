"""A storage is opened and tried; nothing is left in it."""

from __future__ import annotations

import os
from pathlib import Path

import optuna
import pytest
from optuna.storages import InMemoryStorage

from bonas.checking.storage import check_storage
from bonas.errors import BonasError
from bonas.studies.storages.opening import open_storage

NAMES = ["{}/search.log", "sqlite:///{}/search.db"]


def content(folder: Path) -> dict[str, bytes]:
    """Return the files in a folder, without those of SQLite's readers."""
    return {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix in (".log", ".db")}


@pytest.mark.parametrize("name", NAMES)
def test_a_new_file_is_not_made(name: str, tmp_path: Path) -> None:
    assert "can be made" in check_storage(name.format(tmp_path), None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_existing_study_is_counted_and_left_alone(name: str, tmp_path: Path) -> None:
    storage = name.format(tmp_path)
    study = optuna.create_study(storage=open_storage(storage), study_name="mine")
    study.add_trial(optuna.create_trial(value=1.0))
    before = content(tmp_path)
    assert "its study 'mine' has 1 trials" in check_storage(storage, "mine")
    assert "it has no study 'bonas' yet" in check_storage(storage, None)
    assert content(tmp_path) == before


def test_a_storage_of_optuna_has_no_study_more() -> None:
    storage = InMemoryStorage()
    assert "has no study 'bonas' yet" in check_storage(storage, None)
    assert storage.get_all_studies() == []


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BonasError, match=r"expected a folder in which .*make the folder"):
        check_storage(tmp_path / "no" / "search.log", None)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "search.log"
    file.touch()
    file.chmod(0o400)
    with pytest.raises(BonasError, match="which cannot; change its permissions"):
        check_storage(file, None)


def test_an_unknown_address_is_explained() -> None:
    with pytest.raises(BonasError, match="expected a URL such as"):
        check_storage("nothing://here", None)
