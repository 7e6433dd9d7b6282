"""SQLite, so that what is read before a write still holds when it is written.

Optuna reads a row and then writes what follows from it: a waiting trial is taken, a new one gets
the next number. Python's driver begins a transaction only at the write, so that two processes may
read the same row first. Here every call is one transaction from its first statement:

==========  ==================================================================================
reading     ``BEGIN``: all statements of a call see one state of the database
writing     ``BEGIN IMMEDIATE``: one writer at a time, which waits for the others before it reads
==========  ==================================================================================

A file that is exchanged under an open connection is noticed. Its inode tells of one that was moved
or deleted. Its ``user_version``, which grows by one with each write, tells of an older copy that
was written over it, and its ``application_id``, drawn once, of another database.
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
_LARGEST = 2**31 - 1  # that SQLite keeps of either


def _writing(
    method: Callable[Concatenate[Any, Arguments], Result],
) -> Callable[Concatenate[SQLite, Arguments], Result]:
    """The method, in transactions that nobody else can write in."""

    def alone(self: SQLite, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with self._transactions.writing():
            return method(self, *args, **kwargs)

    return alone


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
        """SQLAlchemy's, which Optuna assigns when a storage is made, and when it is unpickled."""
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
    """The transaction of a thread."""

    is_writing = False
    changes = 0  # rows that its connection had changed when it began
    version, mark = 0, 0  # of the database when it began
    written: int | None = None  # the version that it leaves


class _Transactions:
    """Begins and ends the transactions of an engine, and knows what they have seen of the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._identity: Identity | None = None
        self._version = 0  # the latest that was seen
        self._mark = 0  # the application_id; 0 where none was drawn yet
        self._lock = threading.Lock()
        self._here = _Thread()
        self._has_tables = False
        self.is_open = False  # until then, what begins one transaction waits for another one's end

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The transactions of this thread are to write."""
        here = self._here
        here.is_writing, here.written = True, None
        try:
            yield
            if here.written is not None:
                self._see(here.written)
        finally:
            here.is_writing = False

    def connecting(self, *_: object) -> None:
        """SQLite would make a file that was deleted anew."""
        self._check_file()

    def connected(self, connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own
        if self._identity is None:
            self._identity = identity_of(self._file)

    def begin(self, connection: Connection) -> None:
        self._check_file()
        if not self.is_open:
            self._begin_opening(connection)
            return
        here, before = self._here, self._version
        connection.exec_driver_sql("BEGIN IMMEDIATE" if here.is_writing else "BEGIN")
        version, mark = self._state(connection)
        if version < before or self._mark not in (0, mark):
            raise self._lost("was replaced by an older copy or another database")
        self._mark = self._mark or mark
        self._see(version)
        here.version, here.mark, here.changes = version, mark, _changes(connection)

    def _begin_opening(self, connection: Connection) -> None:
        """Optuna makes all tables in the first transaction, and then nests others.

        One that held a lock while a nested one waits for a writer, who waits for the lock, would
        wait for ever: each statement after the tables is a transaction of its own.
        """
        if not self._has_tables:
            is_new = self._file.stat().st_size == 0
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_new else "BEGIN")
            self._has_tables = True

    def commit(self, connection: Connection) -> None:
        here = self._here
        if not self.is_open or _changes(connection) == here.changes:
            return
        self._check_file()
        if here.mark == 0:
            mark = secrets.randbelow(_LARGEST) + 1  # known from the next transaction on
            connection.exec_driver_sql(f"PRAGMA application_id = {mark}")
        here.written = min(here.version + 1, _LARGEST)
        connection.exec_driver_sql(f"PRAGMA user_version = {here.written}")

    def rollback(self, _: Connection) -> None:
        self._here.written = None

    def _state(self, connection: Connection) -> Sequence[int]:
        return connection.exec_driver_sql(_STATE).one()

    def _see(self, version: int) -> None:
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
    """Rows that were changed since it was opened."""
    changes: int = connection.connection.dbapi_connection.total_changes  # type: ignore[union-attr]  # sqlite3's
    return changes
