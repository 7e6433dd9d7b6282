"""Passwords are hidden wherever a storage is shown, and drivers are chosen."""

from __future__ import annotations

import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from bonas.errors import StorageUnavailable
from bonas.studies import open
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import Classification, ErrorClass, classify_sql
from bonas.studies.storages.opening import opening_error, without_password
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage


@pytest.mark.parametrize(
    ("given_url", "shown"),
    [
        ("postgresql://me:hush@db/x", "postgresql://me:***@db/x"),
        ("postgresql://me:hu%40sh@db:5/x", "postgresql://me:***@db:5/x"),
        ("postgresql://db/x?user=me&password=hush", "postgresql://db/x?password=***&user=me"),
        ("mysql://db/x?password=hush&password=hushed", "mysql://db/x?password=***"),
        ("mysql://db/x?passwd=hush&ssl_token=hush", "mysql://db/x?passwd=***&ssl_token=***"),
        ("mssql:///?odbc_connect=PWD%3Dhush", "mssql:///?odbc_connect=***"),
        ("postgresql://me:hu@sh@db/x", "(an unreadable URL)"),
        ("postgresql://me:hush@db:port/x", "(an unreadable URL)"),
        ("postgresql:/me:hush@db/x", "(an unreadable URL)"),
        ("db?password=hush", "(an unreadable URL)"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("a b.txt", "a b.txt"),
        ("/home/me/a-1.log", "/home/me/a-1.log"),
    ],
)
def test_an_address_is_shown_without_its_password(given_url: str, shown: str) -> None:
    assert str(Address(given_url)) == without_password(given_url) == shown
    assert "hush" not in repr(Address(given_url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hush@localhost:1/x",
        "postgresql://localhost:1/x?user=me&password=hush",
        "postgresql://me:hu@sh@localhost:1/x",
        "postgresql://me:1@localhost:hush/x",
        "postgresql:me:hush@localhost:1/x",
        "postgresql+psycopg://me:hush@localhost:1/x?no_such_option=3",
        "postgresql://me@localhost:1/x?sslmode=wrong&password=hush",
        "nosuchdb://me:hush@localhost/x",
        "grpc://me:hush@localhost:hush",
    ],
)
def test_no_password_is_in_an_error_or_its_traceback(url: str) -> None:
    with pytest.raises(StorageUnavailable, match="cannot open the storage") as caught:
        open(url)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hush" not in shown


@given(password=st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=4))
def test_no_message_shows_a_password_however_it_is_encoded(password: str) -> None:
    url = URL.create("postgresql", "me", password, "db", 5, "x").render_as_string(False)
    driver = Exception(f"cannot connect to {url}: wrong password '{password}'")
    text = str(opening_error(url, OperationalError("select 1", None, driver)))
    plain = text.replace("postgresql://me:***@db:5/x", "")
    assert f"'{password}'" not in plain
    assert url not in text


def test_the_log_and_the_error_of_an_outage_show_no_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def judge(error: Exception) -> Classification:
        return Classification(ErrorClass.UNREACHABLE, str(error))

    def attempt() -> None:
        raise OSError("no route to me:hush@db")

    with (
        caplog.at_level(logging.INFO),
        pytest.raises(StorageUnavailable, match=r"me:\*\*\*@db") as caught,
    ):
        Retry(Address("postgresql://me:hush@db/x"), judge, 0.05)(attempt)
    assert "retrying for up to" in caplog.text
    assert "hush" not in caplog.text + str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_that_is_given_twice_is_hidden_twice() -> None:
    address = Address("mysql://db/x?password=hush&password=secret")
    assert address.redact("tried hush and then secret") == "tried *** and then ***"


def test_a_password_inside_a_word_is_not_hidden() -> None:
    address = Address("postgresql://me:ten@db/x")
    assert address.redact("attention: ten is wrong") == "attention: *** is wrong"


def test_a_storage_is_printed_without_its_password_and_can_be_pickled() -> None:
    address = Address("postgresql://me:hush@db/x")
    storage = RetryingStorage(open("sqlite://"), address, Retry(address, classify_sql, 1.0))
    shown = "<storage postgresql://me:***@db/x>"
    assert repr(storage) == repr(pickle.loads(pickle.dumps(storage))) == shown
    assert without_password(storage) == shown


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("mysql://h/d", "mysql+pymysql://h/d"),
        ("mariadb://h/d", "mariadb+pymysql://h/d"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg2://h/d"),
        ("sqlite:///a.db", "sqlite:///a.db"),
    ],
)
def test_the_driver_of_the_extra_is_used_unless_another_is_named(url: str, used: str) -> None:
    assert Address(url).with_driver().text == used


def test_errors_of_other_things_are_no_faults() -> None:
    assert classify_sql(KeyError("trial 3")) is None
