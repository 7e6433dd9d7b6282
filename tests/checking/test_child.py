"""A child with limits: whatever it does, its parent hears what it had said."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from bonas.checking.child import Ended, run_in_child, warm_up, why_not_sendable
from bonas.checking.events import EventLog

PATIENCE = 120.0  # seconds, on a busy machine


@dataclass(frozen=True)
class Says:
    """Writes a step, then does something in another."""

    then: str
    lock: Any = None

    def run(self, log: EventLog) -> None:
        with log.step("said") as facts:
            facts["pid"] = os.getpid()
        with log.step("then"):
            if self.then == "exit":
                print("before the end", flush=True)
                os._exit(0)
            while self.then == "loop":
                time.sleep(0.01)
            if self.then == "memory":
                torch.ones(500_000_000)
            if self.then == "error":
                raise KeyError("this")


def run(then: str, seconds: float = PATIENCE, memory: float | None = None) -> Ended:
    """Return how a child ended that has said something."""
    ended = run_in_child(Says(then), {}, seconds, memory)
    assert ended.events["said"].facts["pid"] != os.getpid()
    return ended


def test_a_child_that_ends_well_is_another_process() -> None:
    ended = run("nothing")
    assert (ended.ending, ended.open_step) == ("done", None)


def test_an_error_ends_it() -> None:
    ended = run("error")
    assert ended.ending == "failed"
    assert str(ended.events["then"].problem).startswith("KeyError: 'this' (test_child.py, line")


def test_an_exit_with_status_0_is_not_its_end() -> None:
    ended = run("exit")
    assert (ended.ending, ended.detail, ended.open_step) == ("crash", "exit status 0", "then")
    assert ended.printed.strip() == "before the end"


def test_an_endless_loop_is_killed_where_it_was() -> None:
    assert warm_up(PATIENCE)
    ended = run("loop", seconds=4.0)
    assert (ended.ending, ended.open_step) == ("time", "then")
    assert "test_child.py" in ended.place


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux limits it so")
def test_memory_is_limited() -> None:
    ended = run("memory", memory=1e9)
    assert ended.ending == "failed"
    assert "allocate" in str(ended.events["then"].problem)


def test_a_server_that_is_not_ready_in_time_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ready = threading.Event()
    monkeypatch.setattr("bonas.checking.child._first_child", lambda: ready.wait(PATIENCE))
    assert not warm_up(0.01)
    ready.set()
    assert warm_up(PATIENCE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes a fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # of the fork
def test_what_cannot_be_sent_runs_in_a_copy() -> None:
    task = Says("nothing", threading.Lock())
    why = why_not_sendable(task, {"the lock": task.lock})
    assert why is not None
    assert why.startswith("the lock cannot be sent")
    assert run_in_child(task, {}, PATIENCE, None).ending == "done"
