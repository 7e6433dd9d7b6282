"""Calls are repeated while their storage is busy or unreachable, and not for ever."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable

import pytest

from bonas.errors import StorageUnavailable
from bonas.studies.storages import retry
from bonas.studies.storages.address import Address
from bonas.studies.storages.classification import Classification, ErrorClass
from bonas.studies.storages.retry import Retry

ADDRESS = Address("postgresql://h/d")


class Lost(Exception):
    """A connection that broke."""


class Busy(Exception):
    """A lock that another process holds."""


class Full(Exception):
    """A disk without room."""


CLASSES = {
    Lost: Classification(ErrorClass.UNREACHABLE, "the connection broke"),
    Busy: Classification(ErrorClass.BUSY, "locked"),
    Full: Classification(ErrorClass.PERMANENT, "disk full"),
}


def _classify(error: Exception) -> Classification | None:
    return CLASSES.get(type(error))


def _raising(*errors: Exception) -> Callable[[], int]:
    """Return a call that raises the errors one after the other, and then returns 3."""
    left = list(errors)

    def attempt() -> int:
        if left:
            raise left.pop(0)
        return 3

    return attempt


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the clock by one that moves by the pauses alone; return the pauses."""
    pauses: list[float] = []
    monkeypatch.setattr(retry.time, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(retry.time, "sleep", pauses.append)
    return pauses


def test_pauses_double_up_to_a_limit_and_are_shortened_at_random(clock: list[float]) -> None:
    assert Retry(ADDRESS, _classify, 600.0)(_raising(*(Lost() for _ in range(10)))) == 3
    longest = [min(0.1 * 2**i, 5.0) for i in range(10)]
    assert all(full / 2 <= pause <= full for full, pause in zip(longest, clock, strict=True))
    assert len({pause / full for full, pause in zip(longest, clock, strict=True)}) == 10


def test_a_call_fails_after_the_limit_and_not_before(clock: list[float]) -> None:
    endless = _raising(*(Lost() for _ in range(1000)))
    with pytest.raises(
        StorageUnavailable, match=r"gave no answer for 60 seconds: the connection broke\. When it"
    ) as caught:
        Retry(ADDRESS, _classify, 60.0)(endless)
    assert isinstance(caught.value.__cause__, Lost)
    assert sum(clock) == pytest.approx(60.0)


def test_a_permanent_error_is_raised_at_once(clock: list[float]) -> None:
    with pytest.raises(StorageUnavailable, match=r"refused: disk full\. When that is fixed"):
        Retry(ADDRESS, _classify, 3600.0)(_raising(Full()))
    assert clock == []


def test_a_permanent_error_ends_the_retries(clock: list[float]) -> None:
    with pytest.raises(StorageUnavailable, match="refused: disk full"):
        Retry(ADDRESS, _classify, 3600.0)(_raising(Lost(), Lost(), Full()))
    assert len(clock) == 2


def test_an_error_of_something_else_passes_unchanged(clock: list[float]) -> None:
    calls = Retry(ADDRESS, _classify, 3600.0)
    first, later = KeyError("trial 7"), KeyError("trial 8")
    with pytest.raises(KeyError) as caught:
        calls(_raising(first))
    assert caught.value is first
    with pytest.raises(KeyError) as caught:
        calls(_raising(Lost(), later))
    assert caught.value is later


def test_only_a_repeated_call_is_resolved(clock: list[float]) -> None:
    """An error of the first attempt is the caller's: nothing was done before it."""
    calls = Retry(ADDRESS, _classify, 3600.0)
    resolved: list[Exception] = []

    def resolve(error: Exception) -> int:
        resolved.append(error)
        return 5

    with pytest.raises(KeyError):
        calls(_raising(KeyError()), resolve)
    assert resolved == []
    done = KeyError("done before")
    assert calls(_raising(Lost(), Busy(), done), resolve) == 5
    assert resolved == [done]


def test_an_outage_and_its_end_are_logged_once(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    calls = Retry(ADDRESS, _classify, 600.0)
    with caplog.at_level(logging.INFO):
        assert calls(_raising(*(Lost() for _ in range(5)))) == 3
        assert calls(_raising()) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "postgresql://h/d does not answer (the connection broke); retrying" in caplog.text
    assert "answers again" in caplog.text
    assert calls(_raising(Lost())) == 3
    assert len(caplog.records) == 4  # another outage


@pytest.mark.parametrize(("errors", "records"), [(4, 0), (40, 2)])
def test_a_storage_that_is_busy_for_a_moment_is_not_logged(
    clock: list[float], caplog: pytest.LogCaptureFixture, errors: int, records: int
) -> None:
    Retry(ADDRESS, _classify, 600.0)(_raising(*(Busy() for _ in range(errors))))
    assert (sum(clock) > 5.0) == (records > 0)
    assert len(caplog.records) == records


def test_many_threads_retry_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST", 0.001)
    back = threading.Event()
    calls = Retry(ADDRESS, _classify, 10.0)
    attempts = itertools.count()

    def attempt() -> int:
        next(attempts)
        if not back.is_set():
            raise Lost
        return 3

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(calls(attempt))) for _ in range(8)]
    for thread in threads:
        thread.start()
    back.set()
    for thread in threads:
        thread.join()
    assert found == [3] * 8
    assert next(attempts) >= 8
