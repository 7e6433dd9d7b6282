"""The file of a journal: lines are appended, and a line that was read must not change.

Optuna's own backend goes on reading where it stopped, whatever file is there now. Here each read
and each append first checks that the file is still the one that was read: the same inode, no
shorter, and with the same last bytes where reading stopped. A file that was deleted, truncated,
replaced by an older copy or overwritten raises an error, and is not written to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from bonas.errors import StorageUnavailable
from bonas.studies.storages.filesystem import network_file_system
from bonas.studies.storages.identity import Identity, identity_of
from bonas.studies.storages.journal_line import parse_operation
from bonas.studies.storages.lock import Lock

_TAIL = 256  # bytes before the place where reading stopped that are compared


@dataclass(frozen=True, slots=True)
class _Position:
    """The place where reading stopped: lines and bytes before it, and the last of these bytes."""

    lines: int = 0
    offset: int = 0
    tail: bytes = b""

    def after(self, line: bytes) -> _Position:
        return _Position(
            self.lines + 1, self.offset + len(line), (self.tail + line[-_TAIL:])[-_TAIL:]
        )


class JournalFile(BaseJournalBackend):
    """The backend of Optuna's ``JournalStorage`` for the file ``path``.

    Raises:
        StorageUnavailable: from any call, if the file was deleted, replaced or damaged, or cannot
            be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path)
        self._position = _Position()
        # Some network file systems give a file a new inode number when they have dropped it.
        self._has_inodes = network_file_system(path) is None
        self._identity: Identity | None = None

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the operations from the line of that number on."""
        if log_number_from != self._position.lines:  # a copy of this was sent to another process
            self._position = _Position()
        for line in self._read_lines():
            number = self._position.lines
            try:
                found = parse_operation(line)
            except ValueError as error:
                raise damaged(self.path, number + 1, error) from error
            self._position = self._position.after(line)
            if number >= log_number_from:
                yield found

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append all of the operations, or none."""
        lines = (json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        text = "".join(lines).encode()
        with self._translated("cannot write to"), self._lock.held(), self._opened() as handle:
            _append(handle, text)
            if self._has_inodes and identity_of(self.path) != self._identity:
                raise self._lost("was replaced")

    def drop_half_line(self) -> None:
        """Drop an incomplete last line, left by a writer that died or had a full disk."""
        with self._translated("cannot read"), self.path.open("rb") as opened:
            new = self._read_new(opened.fileno())
        if new and not new.endswith(b"\n"):
            with self._translated("cannot write to"), self._lock.held(), self._opened():
                pass  # checked again under the lock: a writer may have been in the middle of it

    def _read_lines(self) -> list[bytes]:
        """Return the new lines, without an incomplete last one."""
        with self._translated("cannot read"), self.path.open("rb") as opened:
            self._check_identity(opened.fileno())
            new = self._read_new(opened.fileno())
        return [line + b"\n" for line in new.split(b"\n")[:-1]]

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the file to append to, checked and without a half line; only under the lock."""
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            self._check_identity(handle)
            new = self._read_new(handle)
            if new and not new.endswith(b"\n"):
                os.truncate(handle, self._position.offset + new.rfind(b"\n") + 1)
            yield handle
        finally:
            os.close(handle)

    def _check_identity(self, handle: int) -> None:
        if not self._has_inodes:
            return
        found = identity_of(handle)
        if self._identity not in (None, found):
            raise self._lost("was replaced by another file")
        self._identity = found

    def _read_new(self, handle: int) -> bytes:
        """Return the bytes after the place where reading stopped; check those before it."""
        tail, offset = self._position.tail, self._position.offset
        size = os.fstat(handle).st_size
        if size < offset:
            raise self._lost(f"was cut off, or replaced by an older copy: {size} of {offset} bytes")
        os.lseek(handle, offset - len(tail), os.SEEK_SET)
        found = _read(handle, size - offset + len(tail))
        if not found.startswith(tail):
            line = self._position.lines + 1
            raise self._lost(f"was replaced by another one, or damaged before line {line}")
        return found[len(tail) :]

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Raise the errors of the operating system as ``StorageUnavailable``."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._lost("was deleted, or its folder,") from error
        except IsADirectoryError as error:
            raise self._lost("became a folder") from error
        except OSError as error:
            raise StorageUnavailable(
                f"{what} the journal {self.path}: {error.strerror or error}; all lines before are "
                "safe. When that is fixed, make the same call again: it goes on with what is "
                "stored"
            ) from error

    def _lost(self, what: str) -> StorageUnavailable:
        return StorageUnavailable(
            f"the journal {self.path} {what} while it was in use. Put the right file there, and "
            f"make the same call again; or save what is left of it: {_rescue_command(self.path)}"
        )


def damaged(path: Path, line: int, error: Exception) -> StorageUnavailable:
    """Return the error that names the line of a journal that cannot be parsed."""
    return StorageUnavailable(
        f"the journal {path} is damaged: line {line} cannot be read ({error}). Save all other lines"
        f" of it: {_rescue_command(path)}"
    )


def _rescue_command(path: Path) -> str:
    return f"bonas rescue {path} {path.with_name(f'{path.stem}-rescued{path.suffix}')}"


def _read(handle: int, count: int) -> bytes:
    """Read ``count`` bytes, or fewer at the end of the file."""
    parts = []
    while count > 0 and (part := os.read(handle, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _append(handle: int, text: bytes) -> None:
    """Append all of the text, or nothing."""
    size, done = os.fstat(handle).st_size, 0
    try:
        while done < len(text):
            done += os.write(handle, text[done:])
    finally:
        if done < len(text):  # nobody has read an incomplete line
            with suppress(OSError):  # the next writer drops it
                os.truncate(handle, size)
    os.fsync(handle)
