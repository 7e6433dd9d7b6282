"""Opening a storage to look at it: nothing is written, not even a missing table."""

from __future__ import annotations

import os
from os import PathLike
from urllib.parse import quote

import sqlalchemy
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from bonas.errors import StorageUnavailable
from bonas.studies.storages.address import Address
from bonas.studies.storages.journal import is_journal
from bonas.studies.storages.opening import Storage, open_storage, opening_error, sqlite_file

_PATIENCE = 5.0  # seconds for which a call is retried: whoever looks comes again
_TABLES = {"studies", "trials", "version_info"}  # those that Optuna would make where they are not


def open_to_look(storage: Storage) -> BaseStorage:
    """Open a storage without writing to it.

    Raises:
        StorageUnavailable: if it cannot be opened, or is no storage of Optuna.
    """
    if not isinstance(storage, BaseStorage) and not is_journal(os.fspath(storage)):
        _check_tables(os.fspath(storage))
    return open_storage(storage, create=False, patience=_PATIENCE)


def _check_tables(given: str | PathLike[str]) -> None:
    """Check that a database has the tables of Optuna, which opening it would make."""
    address = Address(os.fspath(given))
    if address.scheme == "grpc":
        return  # its server has opened the database
    url = address.with_driver().url()
    file = sqlite_file(url)
    if file is not None:
        if not file.is_file():
            raise StorageUnavailable(f"there is no file {file}, so no study is stored in it")
        url = sqlalchemy.make_url(f"sqlite:///file:{quote(str(file.resolve()))}?mode=ro&uri=true")
    engine = None
    try:
        engine = sqlalchemy.create_engine(url)
        found = set(sqlalchemy.inspect(engine).get_table_names())
    except ImportError:
        return  # opening it says which driver is missing
    except SQLAlchemyError as error:
        raise opening_error(address.text, error) from address.safe_cause(error)
    finally:
        if engine is not None:
            engine.dispose()
    if not found >= _TABLES:
        raise StorageUnavailable(
            f"expected a database with studies of Optuna, got {address}, which has none; check "
            "the address, or start the search first"
        )
