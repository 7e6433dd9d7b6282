"""The file of a journal: lines are appended, and none that was read changes.

Optuna's own backend reads on from where it stopped, whatever file is there by now. Here each read
and each append first look whether the file is the one that was read before: the same inode, no
shorter, and with the same last bytes where reading stopped. What was deleted, cut off, replaced by
an older copy or overwritten is told, and never written to as if it were whole.
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
from bonas.studies.storages.journal_line import operation
from bonas.studies.storages.lock import Lock

_TAIL = 256  # bytes before the place where reading stopped that are compared


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading stopped: after how many lines and bytes, of which these are the last."""

    lines: int = 0
    offset: int = 0
    tail: bytes = b""

    def after(self, line: bytes) -> _Place:
        return _Place(self.lines + 1, self.offset + len(line), (self.tail + line[-_TAIL:])[-_TAIL:])


class JournalFile(BaseJournalBackend):
    """The lines of the file ``path``, for Optuna's ``JournalStorage``.

    Raises:
        StorageUnavailable: from any call, if the file was deleted, replaced or damaged, or cannot
            be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock(path)
        self._place = _Place()
        # Some network file systems number a file anew whenever they have forgotten it.
        self._has_inodes = network_file_system(path) is None
        self._identity: Identity | None = None

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        if log_number_from != self._place.lines:  # a copy of this was sent to another process
            self._place = _Place()
        for line in self._lines():
            number = self._place.lines
            try:
                found = operation(line)
            except ValueError as error:
                raise damaged(self.path, number + 1, error) from error
            self._place = self._place.after(line)
            if number >= log_number_from:
                yield found

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = (json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        text = "".join(lines).encode()
        with self._telling("cannot write to"), self._lock.held(), self._opened() as handle:
            _write(handle, text)
            if self._has_inodes and identity_of(self.path) != self._identity:
                raise self._lost("was replaced")

    def drop_half_line(self) -> None:
        """Drop the half line that a writer left who died, or had no room."""
        with self._telling("cannot read"), self.path.open("rb") as opened:
            new = self._since(opened.fileno())
        if new and not new.endswith(b"\n"):
            with self._telling("cannot write to"), self._lock.held(), self._opened():
                pass  # a writer may have been in the middle of it

    def _lines(self) -> list[bytes]:
        """What was written since, without a last line that is not whole yet."""
        with self._telling("cannot read"), self.path.open("rb") as opened:
            self._check_identity(opened.fileno())
            new = self._since(opened.fileno())
        return [line + b"\n" for line in new.split(b"\n")[:-1]]

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, checked, without a half line, to append to; only under the lock."""
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            self._check_identity(handle)
            new = self._since(handle)
            if new and not new.endswith(b"\n"):
                os.truncate(handle, self._place.offset + new.rfind(b"\n") + 1)
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

    def _since(self, handle: int) -> bytes:
        """The bytes after the place where reading stopped; checks those before."""
        tail, offset = self._place.tail, self._place.offset
        size = os.fstat(handle).st_size
        if size < offset:
            raise self._lost(f"was cut off, or replaced by an older copy: {size} of {offset} bytes")
        os.lseek(handle, offset - len(tail), os.SEEK_SET)
        found = _read(handle, size - offset + len(tail))
        if not found.startswith(tail):
            raise self._lost(f"was replaced by another one, or damaged before line {self._line}")
        return found[len(tail) :]

    @property
    def _line(self) -> int:
        """The number of the next line."""
        return self._place.lines + 1

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise self._lost("was deleted, or its folder,") from error
        except IsADirectoryError as error:
            raise self._lost("became a folder") from error
        except OSError as error:
            raise StorageUnavailable(
                f"{what} the journal {self.path}: {error.strerror or error}; all lines before are "
                "safe. When that is mended, make the same call again: it goes on with what is "
                "stored"
            ) from error

    def _lost(self, what: str) -> StorageUnavailable:
        return StorageUnavailable(
            f"the journal {self.path} {what} while it was in use. Put the right file there, and "
            f"make the same call again; or save what is left of it: {_rescue(self.path)}"
        )


def damaged(path: Path, line: int, error: Exception) -> StorageUnavailable:
    """The error that names the line of a journal that cannot be read."""
    return StorageUnavailable(
        f"the journal {path} is damaged: line {line} cannot be read ({error}). Save all other lines"
        f" of it: {_rescue(path)}"
    )


def _rescue(path: Path) -> str:
    return f"bonas rescue {path} {path.with_name(f'{path.stem}-rescued{path.suffix}')}"


def _read(handle: int, count: int) -> bytes:
    parts = []
    while count > 0 and (part := os.read(handle, count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(handle: int, text: bytes) -> None:
    """Append all of it, or nothing."""
    size, done = os.fstat(handle).st_size, 0
    try:
        while done < len(text):
            done += os.write(handle, text[done:])
    finally:
        if done < len(text):  # nobody has read a line that is not whole
            with suppress(OSError):  # the next writer drops it
                os.truncate(handle, size)
    os.fsync(handle)
