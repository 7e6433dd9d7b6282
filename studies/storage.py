"""Opening a storage: a database by its URL, a journal by its path, or one that Optuna opened."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bonas.errors import StorageUnavailable
from bonas.studies.journal import is_journal, open_journal

Storage = str | PathLike[str] | BaseStorage
"""A database's URL, the path of a journal (``.log``, ``.journal``), or a storage of Optuna."""
_WAIT = 60.0  # seconds that SQLite waits for another process's lock


def opened_storage(storage: Storage, *, create: bool = True) -> BaseStorage:
    """The storage that is meant; a file is made if there is none, unless ``create`` says not to.

    Raises:
        StorageUnavailable: if it cannot be opened.
    """
    if isinstance(storage, BaseStorage):
        return storage
    given = os.fspath(storage) if isinstance(storage, PathLike) else storage
    if is_journal(given):
        return open_journal(given, create=create)
    try:
        url = make_url(given)
        is_sqlite = url.get_backend_name() == "sqlite"
        if is_sqlite and not create and not Path(url.database or "").exists():
            raise StorageUnavailable(
                f"there is no file {url.database}, so no study is stored in it"
            )
        connect = {"connect_args": {"timeout": _WAIT}} if is_sqlite else {}
        return RDBStorage(given, engine_kwargs=connect)
    except StorageUnavailable:
        raise
    except (ArgumentError, SQLAlchemyError, ImportError, ValueError, RuntimeError) as error:
        raise unavailable(storage, error) from error


def unavailable(storage: object, error: Exception) -> StorageUnavailable:
    """The error that says which storage it is, and what is expected."""
    reason = str(error).splitlines()[0]
    return StorageUnavailable(
        f"cannot open the storage {without_password(storage)}: {reason}; expected a URL such as "
        "sqlite:///search.db (in a folder that exists and can be written), a file such as "
        "search.log, or an Optuna storage"
    )


def without_password(storage: object) -> str:
    """A storage as it may be shown."""
    try:
        return make_url(str(storage)).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(storage) if "@" not in str(storage) else "(an unreadable URL)"
