"""The lock of a file: a file beside it, which says who holds it.

Whoever makes ``search.log.lock`` holds the lock, as with Optuna's own locks. A holder of this
machine that died is known by its process and loses the lock at once; one that says nothing, or is
on another host_id, after half a minute without a change.

Two processes may find the same holder dead. That neither removes the lock that the other, or a
third, has made since: a lock is removed only under an ``flock`` of that very file, and only while
it still stands under its name. An inode that somebody has open is given to no new file, so the
comparison cannot be fooled.
"""

from __future__ import annotations

import json
import logging
import os
import random
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bonas.errors import StorageUnavailable
from bonas.studies.storages.identity import Identity
from bonas.studies.storages.process import host_id, is_running, start_time

if sys.platform != "win32":
    import fcntl

_FIRST, _LAST = 0.0005, 0.02  # seconds of a pause
_GRACE = 30.0  # seconds after which a holder of which nothing is known counts as dead
_LIMIT = 600.0  # seconds that a call waits for a holder that lives
_LONGEST = 4096  # bytes that are read of a lock
_held: set[str] = set()  # the locks that this process holds, or is about to
_logger = logging.getLogger(__name__)


class Lock:
    """The lock of the file ``path``, between the threads and processes that use it."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StorageUnavailable: if a living process has not let go of it for ten minutes.
            OSError: if it cannot be made.
        """
        token = uuid.uuid4().hex
        pid = os.getpid()
        own = {"host": host_id(), "pid": pid, "started": start_time(pid), "token": token}
        text = json.dumps(own).encode()
        _held.add(token)
        try:
            self._acquire(text)
            yield
        finally:  # an interrupt may come as soon as the file is there
            self._remove(text)
            _held.discard(token)

    def _acquire(self, text: bytes) -> None:
        seen, since, pause = None, time.monotonic(), _FIRST
        while not self._made(text):
            looked = self._look()
            if looked != seen:
                seen, since = looked, time.monotonic()
            elif seen is not None:
                self._judge(seen[1], time.monotonic() - since)
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(1.5 * pause, _LAST)

    def _made(self, text: bytes) -> bool:
        try:
            handle = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with suppress(OSError):  # a full disk has room for the name, if for nothing else
            os.write(handle, text)
        os.close(handle)
        return True

    def _look(self) -> tuple[Identity, bytes] | None:
        """The lock that is there, and what it says; None if it is gone by now."""
        with suppress(OSError):
            found = os.lstat(self._file)
            text = b"" if stat.S_ISLNK(found.st_mode) else _start(self._file)
            return (found.st_dev, found.st_ino), text
        return None

    def _judge(self, text: bytes, silence: float) -> None:
        """Remove the lock if its holder is dead."""
        holder = _holder(text)
        if holder.get("host") != host_id():
            if silence >= _GRACE:
                _logger.warning("removing %s, unchanged for %.0f seconds", self._file, silence)
                self._remove(text)
        elif not _lives(holder):
            _logger.warning(
                "removing %s of the process %s, which died", self._file, holder.get("pid")
            )
            self._remove(text)
        elif silence >= _LIMIT:
            raise StorageUnavailable(
                f"the process {holder.get('pid')} has held {self._file} for {silence:.0f} seconds; "
                "end it if it hangs, and make the same call again"
            )

    def _remove(self, text: bytes) -> None:
        """Remove the lock, if it is still the one that says ``text``."""
        with suppress(OSError):
            if self._file.is_symlink():  # Optuna's, which nobody else removes as long as it lives
                if not text:
                    self._file.unlink()
                return
            if sys.platform == "win32":
                if _start(self._file) == text:
                    self._file.unlink()
                return
            with self._file.open("rb") as opened:
                with suppress(OSError):  # a file system without locks: there is the token
                    fcntl.flock(opened, fcntl.LOCK_EX)
                same = os.path.samestat(os.fstat(opened.fileno()), os.lstat(self._file))
                if same and opened.read(_LONGEST) == text:
                    self._file.unlink()


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LONGEST)


def _holder(text: bytes) -> dict[str, Any]:
    """Who holds a lock; empty where nothing can be understood, as of Optuna's own."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lives(holder: dict[str, Any]) -> bool:
    """Whether a process of this machine still holds its lock."""
    try:
        pid, since = int(holder["pid"]), float(holder["started"])
    except (KeyError, TypeError, ValueError):
        return False
    return holder.get("token") in _held if pid == os.getpid() else is_running(pid, since)
