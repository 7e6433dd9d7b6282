"""Errors are classified by the number that a driver gives, or by its text: retry or raise."""

from __future__ import annotations

import sqlite3

import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy import exc

from bonas.studies.storages.classification import (
    Classification,
    ErrorClass,
    classify_grpc,
    classify_sql,
    error_chain,
)


class Driver(Exception):
    """A driver's error, with its number."""

    def __init__(self, *arguments: object, state: str | None = None) -> None:
        super().__init__(*arguments)
        if state is not None:
            self.sqlstate = state


def _sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorcode = code
    return error


def _operational(driver: BaseException) -> exc.OperationalError:
    return exc.OperationalError("insert", None, driver)


@pytest.mark.parametrize(
    ("driver", "error_class"),
    [
        (_sqlite(sqlite3.SQLITE_BUSY), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_LOCKED_SHAREDCACHE), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_PROTOCOL), ErrorClass.BUSY),
        (_sqlite(sqlite3.SQLITE_FULL), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_IOERR_WRITE), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_READONLY_DIRECTORY), ErrorClass.PERMANENT),
        (_sqlite(sqlite3.SQLITE_ERROR), ErrorClass.PERMANENT),  # no such table
        (sqlite3.OperationalError("without a code"), ErrorClass.PERMANENT),
        (Driver("terminating connection", state="57P01"), ErrorClass.UNREACHABLE),
        (Driver("crashed", state="57P02"), ErrorClass.UNREACHABLE),
        (Driver("starting up", state="57P03"), ErrorClass.UNREACHABLE),
        (Driver("lost", state="08006"), ErrorClass.UNREACHABLE),
        (Driver("serialization failure", state="40001"), ErrorClass.BUSY),
        (Driver("deadlock", state="40P01"), ErrorClass.BUSY),
        (Driver("lock not available", state="55P03"), ErrorClass.BUSY),
        (Driver("statement timeout", state="57014"), ErrorClass.BUSY),
        (Driver("too many clients", state="53300"), ErrorClass.BUSY),
        (Driver("disk full", state="53100"), ErrorClass.PERMANENT),
        (Driver("read-only", state="25006"), ErrorClass.PERMANENT),
        (Driver("no such table", state="42P01"), ErrorClass.PERMANENT),
        (Driver("connection refused"), ErrorClass.UNREACHABLE),
        (Driver("the database system is shutting down"), ErrorClass.UNREACHABLE),
        (Driver(), ErrorClass.UNREACHABLE),
        (Driver('FATAL: password authentication failed for user "me"'), ErrorClass.PERMANENT),
        (Driver('FATAL: database "x" does not exist'), ErrorClass.PERMANENT),
        (Driver('FATAL: role "me" does not exist'), ErrorClass.PERMANENT),
        (Driver("fe_sendauth: no password supplied"), ErrorClass.PERMANENT),
        (Driver("no pg_hba.conf entry for host"), ErrorClass.PERMANENT),
        (Driver(0, ""), ErrorClass.UNREACHABLE),
        (Driver(2013, "Lost connection to MySQL server"), ErrorClass.UNREACHABLE),
        (Driver(1053, "Server shutdown in progress"), ErrorClass.UNREACHABLE),
        (Driver(1040, "Too many connections"), ErrorClass.BUSY),
        (Driver(1205, "Lock wait timeout exceeded"), ErrorClass.BUSY),
        (Driver(1213, "Deadlock found"), ErrorClass.BUSY),
        (Driver(1045, "Access denied"), ErrorClass.PERMANENT),
    ],
)
def test_a_driver_says_whether_a_retry_helps(driver: Exception, error_class: ErrorClass) -> None:
    error = _operational(driver)
    internal = StorageInternalError("during the commit")
    internal.__cause__ = error
    for one in (error, internal):
        found = classify_sql(one)
        assert found is not None
        assert found.error_class is error_class


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "make room"),
        (sqlite3.SQLITE_IOERR_FSYNC, "the disk is full, or fails"),
        (sqlite3.SQLITE_READONLY, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, "a folder that exists"),
        (sqlite3.SQLITE_CORRUPT, "bonas rescue OLD NEW or sqlite3's .recover"),
        (sqlite3.SQLITE_NOTADB, "holds something else; choose another"),
    ],
)
def test_a_permanent_error_of_sqlite_comes_with_advice(code: int, advice: str) -> None:
    found = classify_sql(_operational(_sqlite(code)))
    assert found is not None
    assert found.reason.startswith("as SQLite says: ")
    assert advice in found.reason


def test_an_error_about_the_stored_value_has_no_class() -> None:
    for kind in (exc.IntegrityError, exc.DataError, exc.NotSupportedError):
        assert classify_sql(kind("insert", None, Driver("too long", state="08006"))) is None


def test_an_error_of_something_else_has_no_class() -> None:
    assert classify_sql(KeyError("trial 3")) is None
    assert classify_sql(exc.ArgumentError("a wrong call")) is None
    caused = ValueError("of the caller")
    caused.__cause__ = _operational(_sqlite(sqlite3.SQLITE_BUSY))
    assert classify_sql(caused) is None


def test_a_driver_error_without_a_number_is_permanent_unless_about_the_connection() -> None:
    wrong = exc.ProgrammingError("select", None, Driver("syntax"))
    assert classify_sql(wrong) == Classification(ErrorClass.PERMANENT, "syntax")
    closed = exc.InterfaceError("select", None, Driver("closed"))
    assert classify_sql(closed) == Classification(ErrorClass.UNREACHABLE, "closed")


def test_a_connection_that_broke_is_found_behind_the_errors_that_follow() -> None:
    lost = exc.OperationalError("select", None, Driver("closed"), connection_invalidated=True)
    later = exc.PendingRollbackError("can't reconnect")
    later.__context__ = lost
    assert classify_sql(later) == Classification(ErrorClass.UNREACHABLE, "closed")
    alone = exc.PendingRollbackError("can't reconnect")
    assert classify_sql(alone) == Classification(ErrorClass.UNREACHABLE, "the connection was lost")


def test_a_broken_connection_is_unreachable_whatever_its_number() -> None:
    full = Driver("disk full", state="53100")
    error = exc.OperationalError("select", None, full, connection_invalidated=True)
    assert classify_sql(error) == Classification(ErrorClass.UNREACHABLE, "disk full")


def test_a_pool_without_a_free_connection_is_busy() -> None:
    found = classify_sql(exc.TimeoutError("QueuePool limit reached"))
    assert found == Classification(ErrorClass.BUSY, "all connections are in use")


def test_the_reason_is_one_short_line() -> None:
    found = classify_sql(_operational(Driver("first\n  second " + "x" * 1000, state="08006")))
    assert found is not None
    assert found.reason.startswith("first second xxx")
    assert len(found.reason) == 300


def test_a_chain_of_errors_ends_where_it_returns_to_itself() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__context__ = second, first
    assert list(error_chain(first)) == [first, second]


@pytest.mark.parametrize(
    ("status", "error_class"),
    [
        ("UNAVAILABLE", ErrorClass.UNREACHABLE),
        ("CANCELLED", ErrorClass.UNREACHABLE),
        ("DEADLINE_EXCEEDED", ErrorClass.UNREACHABLE),
        ("UNKNOWN", ErrorClass.PERMANENT),
        ("UNIMPLEMENTED", ErrorClass.PERMANENT),
    ],
)
def test_grpc_says_whether_a_retry_helps(status: str, error_class: ErrorClass) -> None:
    grpc = pytest.importorskip("grpc")

    class Error(grpc.RpcError):  # type: ignore[misc, name-defined]  # grpc has no types
        def code(self) -> object:
            return grpc.StatusCode[status]

        def details(self) -> str:
            return "said\nthe server"

    assert classify_grpc(Error()) == Classification(error_class, f"{status}: said the server")


def test_an_error_without_a_status_is_not_of_grpc() -> None:
    assert classify_grpc(KeyError("trial 3")) is None
    assert classify_grpc(SystemExit(3)) is None  # type: ignore[arg-type]  # its code is a number
