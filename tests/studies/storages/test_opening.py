"""A storage is opened by its address; the address shows what kind of storage it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import Pool

from bonas.errors import StorageUnavailable
from bonas.studies.storages import retry
from bonas.studies.storages.database import Database
from bonas.studies.storages.journal import journal_file
from bonas.studies.storages.opening import is_in_memory, open_storage, opening_error, sqlite_file
from bonas.studies.storages.sqlite import SQLite


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///search.db", "search.db"),
        ("sqlite:////home/me/search.db", "/home/me/search.db"),
        ("sqlite:///file:search.db?mode=ro&uri=true", "search.db"),
        ("sqlite:///file:a%20b.db?uri=true", "a b.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///file::memory:?uri=true", None),
        ("sqlite:///file:shared?mode=memory&uri=true", None),
        ("postgresql://h/search.db", None),
    ],
)
def test_the_file_of_a_database_is_part_of_its_url(url: str, file: str | None) -> None:
    assert sqlite_file(make_url(url)) == (None if file is None else Path(file))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sqlite://", True),
        ("sqlite:///:memory:", True),
        ("sqlite:///search.db", False),
        ("search.log", False),
        ("postgresql://h/d", False),
        ("grpc://h:1", False),
    ],
)
def test_only_a_database_in_memory_is_seen_by_this_process_alone(
    address: str, expected: bool
) -> None:
    assert is_in_memory(address) == expected


def test_an_opened_storage_in_memory_is_recognised(tmp_path: Path) -> None:
    assert is_in_memory(InMemoryStorage())
    assert is_in_memory(RDBStorage("sqlite://"))
    assert not is_in_memory(RDBStorage(f"sqlite:///{tmp_path}/a.db"))
    assert not is_in_memory(open_storage(tmp_path / "a.log"))


def test_the_file_behind_a_journal_is_found_whoever_opened_it(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    opened = open_storage(path)
    own = JournalStorage(JournalFileBackend(str(path)))
    assert journal_file(str(path)) == journal_file(path) == path
    assert journal_file(opened) == path.resolve()
    assert journal_file(own) == path
    for other in (None, InMemoryStorage(), "sqlite:///a.db", "grpc://h:1"):
        assert journal_file(other) is None


@pytest.mark.parametrize("address", ["sqlite:///{}/none.db", "{}/none.log"])
def test_a_missing_file_is_created_only_if_asked_for(tmp_path: Path, address: str) -> None:
    address = address.format(tmp_path)
    with pytest.raises(StorageUnavailable, match="there is no file"):
        open_storage(address, create=False)
    assert list(tmp_path.iterdir()) == []
    open_storage(address)
    assert open_storage(address, create=False).get_all_studies() == []


def test_a_path_is_a_storage(tmp_path: Path) -> None:
    class Somewhere(os.PathLike[str]):
        def __fspath__(self) -> str:
            return str(tmp_path / "a.log")

    assert repr(open_storage(Somewhere())) == f"<storage {tmp_path}/a.log>"


def test_a_database_that_cannot_be_opened_leaves_no_connection(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"my diary " * 1000)
    open_connections: set[int] = set()

    def connected(connection: object, _: object) -> None:
        open_connections.add(id(connection))

    def closed(connection: object, _: object) -> None:
        open_connections.remove(id(connection))

    event.listen(Pool, "connect", connected)
    event.listen(Pool, "close", closed)
    try:
        with pytest.raises(DatabaseError):
            Database(f"sqlite:///{tmp_path}/a.db", {})
        assert open_connections == set()
        whole = Database(f"sqlite:///{tmp_path}/b.db", {})
        assert open_connections  # the events are heard
        whole.engine.dispose()
    finally:
        event.remove(Pool, "connect", connected)
        event.remove(Pool, "close", closed)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("create", None, Exception("table studies already exists")),
        IntegrityError("insert", None, Exception("UNIQUE constraint failed")),
    ],
)
def test_a_database_whose_tables_another_process_creates_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    left = [error, error]
    opened = SQLite.__init__

    def racing(self: SQLite, *arguments: Any) -> None:
        if left:
            raise left.pop()
        opened(self, *arguments)

    monkeypatch.setattr(retry, "_FIRST", 0.001)
    monkeypatch.setattr(SQLite, "__init__", racing)
    assert open_storage(f"sqlite:///{tmp_path}/a.db").get_all_studies() == []
    assert left == []


def test_a_refused_login_comes_with_advice_about_the_user() -> None:
    driver = Exception('FATAL: password authentication failed for user "me"')
    error = OperationalError("connect", None, driver)
    raised = opening_error("postgresql://me:hush@h/d", error)
    assert "check the user, the password, the database" in str(raised)
    assert "hush" not in str(raised)
