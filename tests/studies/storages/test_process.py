"""A process is identified by its host, its pid and its start time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bonas.studies.storages.process import is_running, machine, start_time


def test_this_process_runs_since_its_start_and_not_since_another_time() -> None:
    pid, since = os.getpid(), start_time(os.getpid())
    assert is_running(pid, since)
    assert is_running(pid, since + 0.5)  # a clock tick is no difference
    assert not is_running(pid, since - 2.0)  # the pid was reused
    assert not is_running(pid, since + 2.0)


def test_a_process_that_ended_does_not_run_even_as_a_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    since = start_time(child.pid)
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not is_running(child.pid, since)  # its parent has not waited for it yet
    child.wait()
    assert not is_running(child.pid, since)


@pytest.mark.parametrize("pid", [-1, 2**80, 2**31 - 1])
def test_no_process_has_an_impossible_pid(pid: int) -> None:
    assert not is_running(pid, 0.0)


def test_the_start_time_of_no_process_raises() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises((OSError, psutil.Error)):
        start_time(child.pid)


def test_without_proc_the_start_time_is_that_of_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: Path, *more: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert start_time(os.getpid()) == psutil.Process().create_time()


def test_a_host_has_one_id_and_another_process_table_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = machine()
    assert whole == machine()

    def missing(_: Path, *more: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(Path, "readlink", missing)
    assert machine.__wrapped__() in whole  # the name of the host alone
    assert whole == machine()  # it is computed once
