"""The lock of a file: a second file with the suffix ``.lock``, which names its holder.

The process that creates ``search.log.lock`` holds the lock, as with Optuna's own locks. Others
remove the lock of a dead holder: at once if it was a process of this machine, which can be looked
up; after half a minute without a change if the holder is on another machine or unknown.

Two processes may find the same holder dead. Neither must then remove the lock that the other, or a
third, has created since: a lock is removed only under an ``flock`` of that very file, and only
while the file still has its name. The inode of an open file is not reused, so that the comparison
is reliable.
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
from bonas.studies.storages.process import is_running, machine, start_time

if sys.platform != "win32":
    import fcntl

_FIRST, _LAST = 0.0005, 0.02  # seconds of a pause
_GRACE = 30.0  # seconds after which a holder that cannot be looked up counts as dead
_LIMIT = 600.0  # seconds that a call waits for a living holder
_LONGEST = 4096  # bytes of a lock that are read
_held: set[str] = set()  # tokens of the locks that this process holds or is acquiring
_logger = logging.getLogger(__name__)


class Lock:
    """The lock of the file ``path``, between threads and processes."""

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock within the block.

        Raises:
            StorageUnavailable: if a living process has held it for ten minutes.
            OSError: if it cannot be created.
        """
        token = uuid.uuid4().hex
        pid = os.getpid()
        own = {"host": machine(), "pid": pid, "started": start_time(pid), "token": token}
        text = json.dumps(own).encode()
        _held.add(token)
        try:
            self._acquire(text)
            yield
        finally:  # an interrupt may come as soon as the file exists
            self._remove(text)
            _held.discard(token)

    def _acquire(self, text: bytes) -> None:
        """Block until the lock is created."""
        seen, since, pause = None, time.monotonic(), _FIRST
        while not self._create(text):
            found = self._read()
            if found != seen:
                seen, since = found, time.monotonic()
            elif seen is not None:
                self._remove_if_dead(seen[1], time.monotonic() - since)
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(1.5 * pause, _LAST)

    def _create(self, text: bytes) -> bool:
        """Create the lock; return False if there is one."""
        try:
            handle = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with suppress(OSError):  # a full disk has room for the name at least
            os.write(handle, text)
        os.close(handle)
        return True

    def _read(self) -> tuple[Identity, bytes] | None:
        """Return the identity and the text of the lock, or None if there is none any more."""
        with suppress(OSError):
            found = os.lstat(self._file)
            text = b"" if stat.S_ISLNK(found.st_mode) else _start_of(self._file)
            return (found.st_dev, found.st_ino), text
        return None

    def _remove_if_dead(self, text: bytes, silence: float) -> None:
        """Remove the lock with this text, unchanged for ``silence`` seconds, if its holder died."""
        holder = _holder(text)
        if holder.get("host") != machine():
            if silence >= _GRACE:
                _logger.warning("removing %s, unchanged for %.0f seconds", self._file, silence)
                self._remove(text)
        elif not _is_alive(holder):
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
        """Remove the lock, if it still has this text."""
        with suppress(OSError):
            if self._file.is_symlink():  # Optuna's, which only its holder removes while it lives
                if not text:
                    self._file.unlink()
                return
            if sys.platform == "win32":
                if _start_of(self._file) == text:
                    self._file.unlink()
                return
            with self._file.open("rb") as opened:
                with suppress(OSError):  # a file system without flock: the token must do
                    fcntl.flock(opened, fcntl.LOCK_EX)
                same = os.path.samestat(os.fstat(opened.fileno()), os.lstat(self._file))
                if same and opened.read(_LONGEST) == text:
                    self._file.unlink()


def _start_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LONGEST)


def _holder(text: bytes) -> dict[str, Any]:
    """Return the holder that a lock names; empty if it names none, as Optuna's own do."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Return whether a process of this machine still holds its lock."""
    try:
        pid, since = int(holder["pid"]), float(holder["started"])
    except (KeyError, TypeError, ValueError):
        return False
    return holder.get("token") in _held if pid == os.getpid() else is_running(pid, since)
