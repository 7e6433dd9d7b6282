"""A lock is held by one process, freed when that dies, and never taken from a living one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import racers
from optuna.storages.journal import JournalFileOpenLock, JournalFileSymlinkLock

from bonas.errors import StorageUnavailable
from bonas.studies.storages import lock
from bonas.studies.storages.lock import Lock
from bonas.studies.storages.process import machine, start_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def _lock_file(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _dead() -> int:
    """Return the pid of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def _leave(path: Path, **holder: object) -> None:
    """Leave a lock behind whose holder was killed."""
    known = {"host": machine(), "pid": _dead(), "started": 1.0, "token": "t"}
    _lock_file(path).write_text(json.dumps(known | holder))


def test_the_lock_says_who_holds_it_and_is_gone_afterwards(path: Path) -> None:
    with Lock(path).held():
        found = json.loads(_lock_file(path).read_text())
        assert (found["host"], found["pid"]) == (machine(), os.getpid())
        assert found["started"] == start_time(os.getpid())
    assert list(path.parent.iterdir()) == []


def test_an_error_inside_lets_go(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Lock(path).held():
        raise KeyboardInterrupt
    assert not _lock_file(path).exists()


@pytest.mark.parametrize(
    "holder",
    [
        {},
        {"pid": os.getpid(), "started": 1.0},  # the pid was reused
        {"pid": os.getpid(), "token": "of a thread that was interrupted"},
        {"pid": None},
    ],
)
def test_the_lock_of_a_dead_process_is_removed_at_once(
    path: Path, holder: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_GRACE", 3600.0)
    _leave(path, **holder)
    with Lock(path).held():
        assert json.loads(_lock_file(path).read_text())["token"] in lock._held


def test_a_process_killed_in_the_lock_frees_it(path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from bonas.studies.storages.lock import Lock\n"
        "with Lock(Path(sys.argv[1])).held():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -9
    assert _lock_file(path).exists()
    with Lock(path).held():
        pass
    assert not _lock_file(path).exists()


@pytest.mark.parametrize("holder", [{"host": "another"}, {"pid": os.getppid(), "started": None}])
def test_a_living_or_unknown_holder_keeps_the_lock(path: Path, holder: dict[str, object]) -> None:
    if "started" in holder:
        holder = {**holder, "started": start_time(os.getppid())}
    _leave(path, **holder)
    entered = threading.Event()

    def enter() -> None:
        with Lock(path).held():
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.3)
    _lock_file(path).unlink()
    waiting.join()
    assert entered.is_set()


@pytest.mark.parametrize("kind", [JournalFileOpenLock, JournalFileSymlinkLock])
def test_optunas_locks_and_ours_exclude_each_other(path: Path, kind: type) -> None:
    path.touch()
    other = kind(str(path))
    other.acquire()
    entered = threading.Event()

    def enter() -> None:
        with Lock(path).held():
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    assert not entered.wait(0.2)
    other.release()
    waiting.join()
    assert entered.is_set()


@pytest.mark.parametrize("kind", [JournalFileOpenLock, JournalFileSymlinkLock])
def test_a_lock_that_says_nothing_is_removed_after_a_while(
    path: Path, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    kind(str(path)).acquire()
    monkeypatch.setattr(lock, "_GRACE", 0.1)
    with Lock(path).held():
        pass
    assert not os.path.lexists(_lock_file(path))
    assert path.exists()


def test_a_wait_that_is_too_long_ends_with_the_holder_in_the_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_LIMIT", 0.1)
    _leave(path, pid=os.getppid(), started=start_time(os.getppid()))
    with (
        pytest.raises(StorageUnavailable, match=f"process {os.getppid()} has held"),
        Lock(path).held(),
    ):
        pass
    assert _lock_file(path).exists()


def test_a_lock_made_since_is_not_removed_for_the_dead_one_before(path: Path) -> None:
    _leave(path)
    stale = _lock_file(path).read_bytes()
    _leave(path, token="fresh")
    Lock(path)._remove(stale)
    assert json.loads(_lock_file(path).read_text())["token"] == "fresh"


def test_many_processes_that_find_a_dead_holder_enter_one_at_a_time(path: Path) -> None:
    """Each of them now and then leaves the lock of a dead holder for the others to remove."""
    path.write_text("0")
    racers.race(racers.count_up, 4, path, 100)
    assert path.read_text() == "400"


def test_threads_enter_one_at_a_time(path: Path) -> None:
    path.write_text("0")
    threads = [threading.Thread(target=racers.count_up, args=(path, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "200"
