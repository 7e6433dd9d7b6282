"""Error classification: is an error of a storage worth a retry?

A database that is busy or unreachable answers again by itself; one that is full, damaged, read-only
or refuses the password does not. Drivers distinguish the two by number:

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


class ErrorClass(Enum):
    """What to do about an error."""

    BUSY = "other processes hold the storage: retry"
    UNREACHABLE = "the storage does not answer: retry, and log it"
    PERMANENT = "a retry does not help: raise"


@dataclass(frozen=True, slots=True)
class Classification:
    """The class of a storage's error, and the reason in one line."""

    error_class: ErrorClass
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
_SQLSTATE_UNREACHABLE = ("08", "57P01", "57P02", "57P03")
_MYSQL_BUSY = (1040, 1203, 1205, 1213)
_MYSQL_UNREACHABLE = (0, 1053, 1077, 1079, 2002, 2003, 2006, 2013, 2055)
_GRPC_UNREACHABLE = ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")
_REFUSED = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|(database|role) .* does not exist"
)
_LONGEST = 300  # characters of a driver's message that are repeated


def classify_sql(error: Exception) -> Classification | None:
    """Classify an error of SQLAlchemy, or of Optuna about one.

    Return None for all other errors, and for those about the value that was to be stored.
    """
    if not isinstance(error, StorageInternalError | SQLAlchemyError):
        return None
    for found in error_chain(error):
        if isinstance(found, IntegrityError | DataError | NotSupportedError):
            return None
        if isinstance(found, DBAPIError) and found.orig is not None:
            return _classify_driver_error(found, found.orig)
        if isinstance(found, PoolTimeout):
            return Classification(ErrorClass.BUSY, "all connections are in use")
    if any(isinstance(found, PendingRollbackError) for found in error_chain(error)):
        return Classification(ErrorClass.UNREACHABLE, "the connection was lost")
    return None


def classify_grpc(error: Exception) -> Classification | None:
    """Classify an error of gRPC; return None for all other errors."""
    code = getattr(error, "code", None)
    if not callable(code):
        return None
    status, text = code().name, " ".join(str(getattr(error, "details", str)()).split())
    is_unreachable = status in _GRPC_UNREACHABLE
    error_class = ErrorClass.UNREACHABLE if is_unreachable else ErrorClass.PERMANENT
    return Classification(error_class, f"{status}: {text}"[:_LONGEST])


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, the one that it was raised from, and so on."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _classify_driver_error(error: DBAPIError, driver: BaseException) -> Classification:
    text = " ".join(str(driver).split())[:_LONGEST]
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        advice = _SQLITE_ADVICE.get(code)
        reason = f"{text}: {advice}" if advice else text
        is_busy = code in _SQLITE_BUSY
        return Classification(ErrorClass.BUSY if is_busy else ErrorClass.PERMANENT, reason)
    if error.connection_invalidated:
        return Classification(ErrorClass.UNREACHABLE, text)
    return Classification(_classify_server_error(error, driver), text)


def _classify_server_error(error: DBAPIError, driver: BaseException) -> ErrorClass:
    """Classify an error of a database server by its number, or by its text where it has none."""
    state, number = getattr(driver, "sqlstate", None), next(iter(driver.args), None)
    if isinstance(state, str):
        busy, unreachable = state in _SQLSTATE_BUSY, state.startswith(_SQLSTATE_UNREACHABLE)
    elif isinstance(number, int):
        busy, unreachable = number in _MYSQL_BUSY, number in _MYSQL_UNREACHABLE
    else:
        is_unnumbered = isinstance(error, OperationalError | InterfaceError)
        busy, unreachable = False, is_unnumbered and not _REFUSED.search(str(driver))
    return (
        ErrorClass.BUSY if busy else ErrorClass.UNREACHABLE if unreachable else ErrorClass.PERMANENT
    )
