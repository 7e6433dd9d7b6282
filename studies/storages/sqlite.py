"""SQLite in transactions that make each call of a storage atomic.

Optuna reads a row and then writes what follows from it: a waiting trial is claimed, a new one gets
the next number. Python's driver begins a transaction only at the write, so that two processes may
read the same row first. Here every call is one transaction from its first statement:

==========  ==================================================================================
reading     ``BEGIN``: all statements of a call see one state of the database
writing     ``BEGIN IMMEDIATE``: one writer at a time, which waits for the others before it reads
==========  ==================================================================================

A file that is exchanged under an open connection is detected: one that was moved or deleted by its
inode, an older copy written over it by its ``user_version``, which grows by one with each write,
and another database by its ``application_id``, which is drawn once.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from optuna.storages import RDBStorage
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from bonas.errors import StorageUnavailable
from bonas.studies.storages.database import Database
from bonas.studies.storages.identity import Identity, identity_of

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_STATE = "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"
_LARGEST = 2**31 - 1  # value that SQLite stores of either


def _writing(
    method: Callable[Concatenate[Any, Arguments], Result],
) -> Callable[Concatenate[SQLite, Arguments], Result]:
    """Return the method with its transactions begun as those of a writer."""

    def begun(self: SQLite, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with self._transactions.writing():
            return method(self, *args, **kwargs)

    return begun


class SQLite(Database):
    """Optuna's storage in the SQLite database ``file``.

    Raises:
        StorageUnavailable: from any call, if the file was deleted or replaced while in use.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any], file: Path) -> None:
        self._file = file
        super().__init__(url, engine_kwargs)
        self._transactions.is_open = True

    def __getstate__(self) -> dict[Any, Any]:
        state: dict[Any, Any] = super().__getstate__()
        del state["_transactions"]
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._transactions.is_open = True

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, which Optuna assigns when it creates or unpickles a storage."""
        found: Engine = self.__dict__["engine"]
        return found

    @engine.setter
    def engine(self, engine: Engine) -> None:
        self.__dict__["engine"] = engine
        self._transactions = _Transactions(self._file)
        event.listen(engine, "do_connect", self._transactions.connecting)
        event.listen(engine, "connect", self._transactions.connected)
        event.listen(engine, "begin", self._transactions.begin)
        event.listen(engine, "commit", self._transactions.commit)
        event.listen(engine, "rollback", self._transactions.rollback)

    # Optuna's cache of an RDBStorage calls the two methods with an underscore, so that wrapping
    # the public ones would not suffice.
    create_new_study = _writing(RDBStorage.create_new_study)
    delete_study = _writing(RDBStorage.delete_study)
    set_study_user_attr = _writing(RDBStorage.set_study_user_attr)
    set_study_system_attr = _writing(RDBStorage.set_study_system_attr)
    _create_new_trial = _writing(RDBStorage._create_new_trial)
    _set_trial_param = _writing(RDBStorage._set_trial_param)
    set_trial_state_values = _writing(RDBStorage.set_trial_state_values)
    set_trial_intermediate_value = _writing(RDBStorage.set_trial_intermediate_value)
    set_trial_user_attr = _writing(RDBStorage.set_trial_user_attr)
    set_trial_system_attr = _writing(RDBStorage.set_trial_system_attr)
    record_heartbeat = _writing(RDBStorage.record_heartbeat)


class _Thread(threading.local):
    """The current transaction of a thread."""

    is_writing = False
    changes = 0  # rows that its connection had changed when it began
    version, mark = 0, 0  # user_version and application_id when it began
    written: int | None = None  # the user_version that it commits


class _Transactions:
    """Begins and commits the transactions of an engine, and detects another file in its place."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._identity: Identity | None = None
        self._version = 0  # the latest user_version that was seen
        self._mark = 0  # the application_id; 0 until one is drawn
        self._lock = threading.Lock()
        self._current = _Thread()
        self._has_tables = False
        self.is_open = False  # while the storage is being opened, see _begin_opening

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Begin the transactions of this thread as those of a writer."""
        current = self._current
        current.is_writing, current.written = True, None
        try:
            yield
            if current.written is not None:
                self._record_version(current.written)
        finally:
            current.is_writing = False

    def connecting(self, *_: object) -> None:
        """Check that the file exists: SQLite would create a deleted one anew."""
        self._check_file()

    def connected(self, connection: Any, _: object) -> None:
        """Leave transactions to ``begin``, and remember which file was opened."""
        connection.isolation_level = None  # else the driver begins its own
        if self._identity is None:
            self._identity = identity_of(self._file)

    def begin(self, connection: Connection) -> None:
        """Begin a transaction, and check that the database is the one that was opened."""
        self._check_file()
        if not self.is_open:
            self._begin_opening(connection)
            return
        current, before = self._current, self._version
        connection.exec_driver_sql("BEGIN IMMEDIATE" if current.is_writing else "BEGIN")
        version, mark = self._state(connection)
        if version < before or self._mark not in (0, mark):
            raise self._lost("was replaced by an older copy or another database")
        self._mark = self._mark or mark
        self._record_version(version)
        current.version, current.mark, current.changes = version, mark, _changes(connection)

    def _begin_opening(self, connection: Connection) -> None:
        """Begin a transaction while Optuna creates the tables.

        It creates all of them in the first transaction, and then nests others. A transaction that
        holds a lock while a nested one waits for a writer, which waits for that lock, would
        deadlock: after the first, each statement is a transaction of its own.
        """
        if not self._has_tables:
            is_new = self._file.stat().st_size == 0
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_new else "BEGIN")
            self._has_tables = True

    def commit(self, connection: Connection) -> None:
        """Increment the version of the database, if the transaction has changed any row."""
        current = self._current
        if not self.is_open or _changes(connection) == current.changes:
            return
        self._check_file()
        if current.mark == 0:
            mark = secrets.randbelow(_LARGEST) + 1  # read back by the next transaction
            connection.exec_driver_sql(f"PRAGMA application_id = {mark}")
        current.written = min(current.version + 1, _LARGEST)
        connection.exec_driver_sql(f"PRAGMA user_version = {current.written}")

    def rollback(self, _: Connection) -> None:
        """Forget the version that would have been committed."""
        self._current.written = None

    def _state(self, connection: Connection) -> Sequence[int]:
        return connection.exec_driver_sql(_STATE).one()

    def _record_version(self, version: int) -> None:
        with self._lock:
            self._version = max(self._version, version)

    def _check_file(self) -> None:
        if self._identity is None:
            return
        found = identity_of(self._file)
        if found != self._identity:
            raise self._lost("was deleted" if found is None else "was replaced by another file")

    def _lost(self, what: str) -> StorageUnavailable:
        return StorageUnavailable(
            f"the database {self._file} {what} while it was in use. Put the right file there, and "
            "make the same call again: it goes on with what is stored in it"
        )


def _changes(connection: Connection) -> int:
    """Return how many rows the connection has changed since it was opened."""
    changes: int = connection.connection.dbapi_connection.total_changes  # type: ignore[union-attr]  # sqlite3's
    return changes
