"""The storage of a search: whether it can be opened and written, and what is in it already.

Nothing is written to a file that exists, since a journal keeps each line for ever: what the system
says of its permissions has to do. A server gets a study of another name, which is deleted again.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import optuna
from optuna.storages import BaseStorage

from bonas.errors import StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.journal import is_journal
from bonas.studies.storages.opening import (
    Storage,
    open_storage,
    sqlite_file,
    without_password,
)
from bonas.studies.study import DEFAULT_NAME

_PATIENCE = 5.0  # seconds for a database that does not answer


def check_storage(storage: Storage, study_name: str | None) -> str:
    """Return what is in a storage that can be used, in a few words.

    Raises:
        BonasError: if it cannot be opened or written.
    """
    file = _file_of(storage)
    if file is None:
        opened = open_storage(storage, patience=_PATIENCE)
        _write_and_delete(opened)
        return _content(opened, study_name, without_password(storage))
    if not file.exists():
        _check_folder(file)
        return f"{file.name} can be made"
    if file.is_file() and not os.access(file, os.W_OK):
        raise StorageUnavailable(
            f"expected a storage that can be written, got the file {file}, which cannot; change "
            "its permissions, or choose another file"
        )
    opened = open_storage(storage, create=False, patience=_PATIENCE)
    _check_folder(file)
    return _content(opened, study_name, file.name)


def _file_of(storage: Storage) -> Path | None:
    """Return the file in which a storage is; None for servers, and for what is in memory."""
    if isinstance(storage, BaseStorage):
        return None
    given = os.fspath(storage)
    if is_journal(given):
        return Path(given)
    with suppress(Exception):  # opening it explains what is wrong
        return sqlite_file(Address(given).url())
    return None


def _check_folder(file: Path) -> None:
    """Check that files can be made beside ``file``, as locks and databases do.

    Raises:
        StorageUnavailable: otherwise.
    """
    folder = file.absolute().parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageUnavailable(
            f"expected a folder in which the storage {file.name} can be written, got {folder} "
            f"({error.strerror}); make the folder, or choose another one"
        ) from error


def _write_and_delete(opened: BaseStorage) -> None:
    study = optuna.create_study(storage=opened, study_name=f"bonas-check-{uuid4().hex}")
    optuna.delete_study(study_name=study.study_name, storage=opened)


def _content(opened: BaseStorage, study_name: str | None, where: str) -> str:
    """Return whether the study is there, and how many trials it has."""
    name = study_name or DEFAULT_NAME
    if name not in optuna.get_all_study_names(opened):
        return f"{where} can be written; it has no study {name!r} yet"
    trials = len(opened.get_all_trials(opened.get_study_id_from_name(name), deepcopy=False))
    return f"{where} can be written; its study {name!r} has {trials} trials, which is resumed"
