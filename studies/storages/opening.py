"""Opening storages: a database or a server by its URL, a journal by its path.

============================  =======================================================
``None``                      in memory
``sqlite:///search.db``       a file, for a few processes on one machine
``search.log``                a journal, for many processes on one machine
``postgresql://…``            a server, for many machines (``bonas[postgres]``)
``mysql://…``                 the same (``bonas[mysql]``)
``grpc://host:port``          Optuna's proxy before such a server (``bonas[grpc]``)
============================  =======================================================
"""

from __future__ import annotations

import os
import warnings
import weakref
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import (
    BaseStorage,
    GrpcStorageProxy,
    InMemoryStorage,
    RDBStorage,
    get_storage,
)
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from bonas.errors import StorageUnavailable
from bonas.optuna_internals import uncached
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import (
    Classification,
    ErrorClass,
    classify_grpc,
    classify_sql,
)
from bonas.studies.storages.database import Database
from bonas.studies.storages.filesystem import warn_of_network
from bonas.studies.storages.journal import is_journal, journal_file, open_journal
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage
from bonas.studies.storages.sqlite import SQLite

Storage = str | PathLike[str] | BaseStorage
"""A database's URL, the path of a journal (``.log``, ``.journal``), or a storage of Optuna."""
RETRY_SECONDS = 600.0
"""Seconds for which a call to a database that is stopped, restarted or locked is retried."""
_WAIT = 60.0  # seconds that SQLite, and the opening of it, wait for another process's lock
_GRPC_PORT = 13000  # Optuna's default
_GRPC_WAIT = 5.0  # seconds until a first answer
_EXTRAS = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "grpc": "grpc"}
# A vanished server is detected within a minute; with libpq's defaults it takes hours.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_OPENING_ERRORS = (
    SQLAlchemyError,
    StorageInternalError,
    OSError,
    ValueError,
    TypeError,
    RuntimeError,
)


def open_storage(
    storage: Storage | None, *, create: bool = True, patience: float = RETRY_SECONDS
) -> BaseStorage:
    """Open a storage; create a missing file unless ``create`` is false.

    Each call of a database is retried for up to ``patience`` seconds once it is open. A storage of
    Optuna is returned as it is.

    Warns:
        UserWarning: if a file is on a network file system.

    Raises:
        StorageUnavailable: if it cannot be opened.
    """
    if storage is None:
        return InMemoryStorage()
    if isinstance(storage, BaseStorage):
        return storage
    given = os.fspath(storage)
    if is_journal(given):
        return open_journal(given, create=create)
    address = Address(given)
    url = address.with_driver().url()
    try:
        if address.scheme == "grpc":
            return _open_server(address, url, patience)
        return _open_database(address, url, create, patience)
    except ImportError as error:
        raise StorageUnavailable(_missing_driver(address, url)) from error
    except _OPENING_ERRORS as error:
        if isinstance(error, StorageUnavailable):
            raise
        raise opening_error(address.text, error) from address.safe_cause(error)


def is_in_memory(storage: Storage) -> bool:
    """Return whether only this process can see what the storage holds."""
    storage = uncached(storage) if isinstance(storage, BaseStorage) else storage
    if isinstance(storage, RDBStorage):
        url = storage.engine.url
        return url.get_backend_name() == "sqlite" and sqlite_file(url) is None
    if isinstance(storage, BaseStorage):
        return isinstance(storage, InMemoryStorage)
    given = os.fspath(storage)
    if is_journal(given) or not given.startswith("sqlite"):
        return False
    return sqlite_file(Address(given).url()) is None


def opening_error(storage: object, error: Exception) -> StorageUnavailable:
    """Return the error that names the storage, the reason and what is expected."""
    address, found = Address(str(storage)), classify_sql(error)
    reason = " ".join(str(error).split()) if found is None else found.reason
    if found is None or address.scheme == "sqlite":
        advice = (
            "expected a URL such as sqlite:///search.db (in a folder that exists and can be "
            "written) or postgresql://user:password@host/database, a file such as search.log, or "
            "an Optuna storage"
        )
    elif found.error_class is ErrorClass.UNREACHABLE:
        advice = "start the server, or correct host and port"
    else:
        advice = "check the user, the password, the database, and what the user may do there"
    return StorageUnavailable(
        f"cannot open the storage {without_password(storage)}: {address.redact(reason)}; {advice}"
    )


def without_password(storage: object) -> str:
    """Return a storage's address as it may be shown."""
    return repr(storage) if isinstance(storage, BaseStorage) else str(Address(str(storage)))


def shown_address(storage: BaseStorage) -> str | None:
    """Return where an opened storage is, without passwords; None in memory, or if unknown."""
    if isinstance(storage, RetryingStorage):
        if is_in_memory(storage.inner):
            return None
        return str(storage.address)
    opened = uncached(storage)
    if isinstance(opened, RDBStorage):
        url = opened.engine.url.render_as_string(hide_password=True)
        return None if is_in_memory(opened) else str(Address(url))
    file = journal_file(opened)
    return None if file is None else str(file)


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite database; None for one in memory, and for other databases."""
    database = url.database or ":memory:"
    if url.get_backend_name() != "sqlite" or database == ":memory:" or "memory" in str(url.query):
        return None
    is_uri = database.startswith("file:")
    path = unquote(urlsplit(database).path) if is_uri else database
    return None if path == ":memory:" else Path(path)


def _open_database(address: Address, url: URL, create: bool, patience: float) -> BaseStorage:
    file = sqlite_file(url)
    if file is not None:
        if file.is_dir():
            raise StorageUnavailable(f"cannot open the storage {address}: {file} is a folder")
        if not create and not file.exists():
            raise StorageUnavailable(f"there is no file {file}, so no study is stored in it")
        warn_of_network(file, "SQLite")
    # Optuna calls format on the URL.
    text = address.with_driver().text.replace("{", "{{").replace("}", "}}")
    opening = Retry(address, _classify_opening, min(patience, _WAIT))
    opened: Database
    if file is not None:
        opened = opening(lambda: SQLite(text, _engine_kwargs(url), file))
    else:
        opened = opening(lambda: Database(text, _engine_kwargs(url)))
    retry = Retry(address, classify_sql, patience)
    retrying = RetryingStorage(get_storage(opened), address, retry)
    weakref.finalize(retrying, _close, opened.engine, os.getpid())
    return retrying


def _close(engine: Engine, owner: int) -> None:
    """Close the connections, unless this process was forked from the one that owns them."""
    engine.dispose(close=os.getpid() == owner)


def _open_server(address: Address, url: URL, patience: float) -> BaseStorage:
    host, port = url.host or "localhost", url.port or _GRPC_PORT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 4.2
        opened = GrpcStorageProxy(host=host, port=port)
    try:
        opened.wait_server_ready(timeout=_GRPC_WAIT)
    except ConnectionError:
        opened.close()
        raise StorageUnavailable(
            f"cannot open the storage {address}: nothing answers at {host}:{port}; start a server "
            "with optuna.storages.run_grpc_proxy_server"
        ) from None
    return RetryingStorage(opened, address, Retry(address, classify_grpc, patience))


def _engine_kwargs(url: URL) -> dict[str, Any]:
    """Return SQLAlchemy's arguments: wait for SQLite's locks, detect lost connections."""
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": _WAIT}}
    if url.drivername == "postgresql+psycopg":
        named = {key: value for key, value in _LIBPQ.items() if key not in url.query}
        return {"pool_pre_ping": True, "connect_args": named}
    return {"pool_pre_ping": True}


def _classify_opening(error: Exception) -> Classification | None:
    """Classify an error while a database is opened: busy if others hold it, or open it too."""
    found = classify_sql(error)
    if found is not None and found.error_class is ErrorClass.BUSY:
        return found
    is_database = isinstance(error, SQLAlchemyError | StorageInternalError)
    if isinstance(error, IntegrityError) or (is_database and "already exists" in str(error)):
        return Classification(ErrorClass.BUSY, "another process makes its tables")
    return None


def _missing_driver(address: Address, url: URL) -> str:
    extra = _EXTRAS.get(address.scheme)
    advice = f'pip install "bonas[{extra}]"' if extra else "install what SQLAlchemy needs for it"
    return f"cannot open the storage {address}: {url.drivername} is not installed; {advice}"
