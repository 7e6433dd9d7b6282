"""What an error of a storage means: wait, or say what is wrong.

A database that is busy or away answers again by itself; one that is full, damaged, read-only or
refuses the password does not. Drivers tell the two apart by number:

=================  =========================================================================
SQLite             the result code in ``sqlite_errorcode`` (its low byte; sqlite.org/rescode.html)
PostgreSQL         the five characters of SQLSTATE (the manual's appendix A)
MySQL, MariaDB     the first argument (the manual's "Server Error Message Reference")
gRPC               the status code
=================  =========================================================================

Where a driver gives no number, as psycopg does while it connects, the text decides.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Kind(Enum):
    """What to do about a fault."""

    BUSY = "others hold it: try again"
    AWAY = "it does not answer: wait for it"
    BROKEN = "waiting does not help"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a storage, in a line."""

    kind: Kind
    reason: str


_SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_SQLITE_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk is full, or fails",
    sqlite3.SQLITE_READONLY: "the file or its folder cannot be written",
    sqlite3.SQLITE_CANTOPEN: "expected a file in a folder that exists and can be written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; bonas rescue OLD NEW or sqlite3's .recover saves "
    "what is left in it",
    sqlite3.SQLITE_NOTADB: "the file is damaged (bonas rescue OLD NEW saves what is left in it) or "
    "holds something else; choose another",
}
# Deadlocks, locks and time-outs; more connections than allowed.
_SQLSTATE_BUSY = ("40001", "40P01", "55P03", "57014", "53300")
# The connection is lost; the server is being stopped or started.
_SQLSTATE_AWAY = ("08", "57P01", "57P02", "57P03")
_MYSQL_BUSY = (1040, 1203, 1205, 1213)
_MYSQL_AWAY = (0, 1053, 1077, 1079, 2002, 2003, 2006, 2013, 2055)
_REFUSED = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|(database|role) .* does not exist"
)
_LONGEST = 300  # characters of a driver's message that are repeated
_GRPC_AWAY = ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")


def sql_fault(error: Exception) -> Fault | None:
    """The fault behind an error of SQLAlchemy, or of Optuna about one; None if there is none."""
    if not isinstance(error, StorageInternalError | SQLAlchemyError):
        return None
    for found in chain(error):
        if isinstance(found, IntegrityError | DataError | NotSupportedError):
            return None  # about what was to be stored
        if isinstance(found, DBAPIError) and found.orig is not None:
            return _driver_fault(found, found.orig)
        if isinstance(found, PoolTimeout):
            return Fault(Kind.BUSY, "all connections are in use")
    lost = any(isinstance(found, PendingRollbackError) for found in chain(error))
    return Fault(Kind.AWAY, "the connection was lost") if lost else None


def grpc_fault(error: Exception) -> Fault | None:
    """The fault behind an error of gRPC; None if it is something else."""
    code = getattr(error, "code", None)
    if not callable(code):
        return None
    status, text = code().name, " ".join(str(getattr(error, "details", str)()).split())
    return Fault(Kind.AWAY if status in _GRPC_AWAY else Kind.BROKEN, f"{status}: {text}"[:_LONGEST])


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _driver_fault(error: DBAPIError, driver: BaseException) -> Fault:
    text = " ".join(str(driver).split())[:_LONGEST]
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        advice = _SQLITE_ADVICE.get(code)
        reason = f"{text}: {advice}" if advice else text
        return Fault(Kind.BUSY if code in _SQLITE_BUSY else Kind.BROKEN, reason)
    return Fault(Kind.AWAY if error.connection_invalidated else _server_kind(error, driver), text)


def _server_kind(error: DBAPIError, driver: BaseException) -> Kind:
    state, number = getattr(driver, "sqlstate", None), next(iter(driver.args), None)
    if isinstance(state, str):
        busy, away = state in _SQLSTATE_BUSY, state.startswith(_SQLSTATE_AWAY)
    elif isinstance(number, int):
        busy, away = number in _MYSQL_BUSY, number in _MYSQL_AWAY
    else:
        unsure = isinstance(error, OperationalError | InterfaceError)
        busy, away = False, unsure and not _REFUSED.search(str(driver))
    return Kind.BUSY if busy else Kind.AWAY if away else Kind.BROKEN
