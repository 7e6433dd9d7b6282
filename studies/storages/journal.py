"""A journal: an Optuna storage that is one plain file, a line for each thing that happens.

Far faster than a database for many small studies, and several processes may write at once.
"""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from bonas.errors import StorageUnavailable
from bonas.studies.storages.filesystem import warn_of_network

ENDINGS = (".log", ".journal")


def is_journal(text: object) -> bool:
    """Whether this is the path of a journal, and not a URL."""
    return isinstance(text, str) and text.endswith(ENDINGS) and "://" not in text


def open_journal(path: str | PathLike[str], *, create: bool = True) -> JournalStorage:
    """The storage in the file ``path``, which is made if there is none, unless ``create`` is false.

    Warns:
        UserWarning: if it lies on a network file system.

    Raises:
        StorageUnavailable: if the file cannot be opened or is no journal, or if there is none and
            none is to be made.
    """
    file = Path(path).resolve()
    if not create and not file.exists():
        raise StorageUnavailable(f"there is no file {os.fspath(path)}, so nothing is stored in it")
    warn_of_network(file, "a journal")
    lock = _Lock(str(file))  # the other lock of Optuna never lets go where links fail
    try:
        backend = _Journal(str(file), lock_obj=lock)
        storage = JournalStorage(backend)
        if file.stat().st_size and next(backend.read_logs(0), None) is None:
            raise ValueError("no line of it can be read")
        if create and not _is_whole(file):
            lock.acquire()
            lock.release()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageUnavailable(
            f"cannot open {os.fspath(path)} as a journal of Optuna ({error!r}); choose another "
            "file, in a folder that exists and can be written"
        ) from error
    return storage


class _Lock(JournalFileOpenLock):
    """Optuna's lock; who gets it drops the half line that another left who died, or had no room.

    What is written next would otherwise be appended to it, and the file could not be read any more.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._file = Path(path)

    def acquire(self) -> bool:
        acquired = super().acquire()
        try:
            if not _is_whole(self._file):
                os.truncate(self._file, self._file.read_bytes().rfind(b"\n") + 1)
        except BaseException:
            self.release()
            raise
        return acquired


class _Journal(JournalFileBackend):
    """Optuna's file, which says what to do when it cannot be written."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except OSError as error:
            raise StorageUnavailable(
                f"cannot write to the journal {self._file_path}: {error.strerror or error}; all "
                "lines before are safe. When that is mended, make the same call again: it goes on "
                "with what is stored"
            ) from error


def _is_whole(file: Path) -> bool:
    """Whether nothing follows the last line break."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        if size == 0:
            return True
        opened.seek(size - 1)
        return opened.read() == b"\n"
