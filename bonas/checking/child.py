"""A child process with limits, in which a part of a check runs: it may crash or never end."""

from __future__ import annotations

import faulthandler
import logging
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import optuna

from bonas.checking.events import Event, EventLog, StepFailed, read_events
from bonas.checking.origin import origin_in_dump
from bonas.errors import InvalidArgument
from bonas.evaluation.failure import signal_name
from bonas.processes.context import share_no_locks
from bonas.processes.pickling import packed, unpacked
from bonas.processes.script import run_once

_EARLY = 0.3  # seconds before the limit at which the child writes where it is
_GRACE = 5.0  # seconds for a child that was killed to be gone
_EXIT = 70  # of a child whose step has failed
_END = "end"  # the last step of a child: code of the user may end it with status 0

Ending = Literal["done", "failed", "time", "crash"]


class Task(Protocol):
    """A part of a check; it is sent to a child."""

    def run(self, log: EventLog) -> None:
        """Do it, writing each step to the log."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child has ended.

    Attributes:
        ending: ``"done"``, ``"failed"`` (a step raised an error), ``"time"`` (it was killed at its
            limit) or ``"crash"``.
        events: The latest event of each step.
        detail: Of a crash: the signal, or the exit status.
        place: The line of the user's code in which it was, where it was killed or crashed.
        printed: The end of what it printed.
    """

    ending: Ending
    events: Mapping[str, Event]
    detail: str = ""
    place: str = ""
    printed: str = ""

    @property
    def open_step(self) -> str | None:
        """The step that had begun and was not done; None if all were."""
        return next((name for name, e in self.events.items() if e.state == "begun"), None)


def warm_up(seconds: float) -> bool:
    """Start the process from which children are forked; return whether it was ready in time.

    It imports torch and bonas, which takes seconds.
    """
    thread = threading.Thread(target=_first_child, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def why_not_sendable(task: Task, parts: Mapping[str, object]) -> str | None:
    """Return why a task cannot be sent to a fresh process; None if it can."""
    try:
        packed(task, parts, "take n_jobs=1")
    except Exception as error:
        return " ".join(str(error).split())
    return None


def run_in_child(
    task: Task, parts: Mapping[str, object], seconds: float, memory: float | None
) -> Ended:
    """Run a task in a child process of its own, and return how that ended.

    The child is a fresh process; if the task cannot be sent to one, a copy of this one.

    Args:
        task: What it does.
        parts: What of the task may not be sendable, by what it is.
        seconds: After which it is killed.
        memory: Bytes that it may allocate in addition to those that it begins with.
    """
    with tempfile.TemporaryDirectory(prefix="bonas-check-") as folder:
        files = _Files(Path(folder))
        process = _started(task, parts, files, seconds, memory)
        process.join(seconds)
        is_late = process.is_alive()
        if is_late:
            process.kill()
        process.join(_GRACE)
        events = read_events(files.events)
        ending, detail = _ending_of(process.exitcode, is_late, _END in events)
        place = origin_in_dump(files.text(files.dump)) if ending in ("time", "crash") else ""
        return Ended(ending, events, detail, place, files.text(files.printed)[-2000:])


@dataclass(frozen=True, slots=True)
class _Files:
    """What a child writes."""

    folder: Path

    @property
    def events(self) -> Path:
        """Its events."""
        return self.folder / "events"

    @property
    def dump(self) -> Path:
        """Where it was at a crash, or at its limit."""
        return self.folder / "dump"

    @property
    def printed(self) -> Path:
        """What it printed."""
        return self.folder / "printed"

    @staticmethod
    def text(path: Path) -> str:
        """Return the content of one of them; empty if there is none."""
        with suppress(OSError):
            return path.read_text(errors="replace")
        return ""


def _started(
    task: Task,
    parts: Mapping[str, object],
    files: _Files,
    seconds: float,
    memory: float | None,
) -> Any:
    """Return the child, which has started."""
    try:
        data: object = packed(task, parts, "take n_jobs=1")
        method = _fresh()
    except Exception:
        data, method = task, "fork"
        if method not in multiprocessing.get_all_start_methods():
            raise InvalidArgument(
                "expected a search that can be sent to another process, which this system needs to "
                "check it; define its parts at the top of a module"
            ) from None
    process = _context(method).Process(target=_main, args=(data, files, seconds, memory))
    with run_once():
        process.start()
    return process


def _fresh() -> str:
    """Return how to start fresh processes here."""
    methods = multiprocessing.get_all_start_methods()
    return "forkserver" if "forkserver" in methods else "spawn"


def _context(method: str) -> Any:
    """Return multiprocessing's context; the server of forks imports what children need."""
    context: Any = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__, "bonas.checking.probes"])
    return context


def _first_child() -> None:
    """Start a child that does nothing, and wait for it."""
    process = _context(_fresh()).Process(target=_nothing)
    with run_once():
        process.start()
    process.join()


def _nothing() -> None:
    pass


def _ending_of(status: int | None, is_late: bool, is_complete: bool) -> tuple[Ending, str]:
    if is_late:
        return "time", ""
    if status == 0 and is_complete:
        return "done", ""
    if status == _EXIT:
        return "failed", ""
    if status is not None and status < 0:
        return "crash", signal_name(-status)
    return "crash", f"exit status {status}"


def _main(data: object, files: _Files, seconds: float, memory: float | None) -> None:
    """Run a child from its start to its end."""
    with files.printed.open("ab") as printed:
        os.dup2(printed.fileno(), 1)
        os.dup2(printed.fileno(), 2)
    with files.dump.open("w") as dump:
        faulthandler.enable(dump)
        faulthandler.dump_traceback_later(max(0.1, seconds - _EARLY), file=dump)
        logging.disable(logging.INFO)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        _limit_memory(memory)
        share_no_locks()
        status = 0
        log = EventLog(files.events)
        try:
            with log.step("load"):
                task: Task = unpacked(data) if isinstance(data, bytes) else data  # type: ignore[assignment]  # a task
            task.run(log)
            with log.step(_END):
                pass
        except StepFailed:
            status = _EXIT
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        faulthandler.cancel_dump_traceback_later()
        os._exit(status)  # threads of the user's code must not keep it alive


def _limit_memory(memory: float | None) -> None:
    """Let this process allocate that many bytes more; nothing where the system cannot."""
    if memory is None:
        return
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        used = _data_of_this_process()
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = used + int(memory)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _data_of_this_process() -> int:
    """Return the bytes of private memory that count towards the limit."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def available_memory() -> float | None:
    """Return the bytes that can be allocated without swapping; None if that is unknown."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    return None
