"""A journal: an Optuna storage that is one plain file, a line for each thing that happens.

Far faster than a database for many small studies, and several processes may write at once.
"""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from bonas.errors import StorageUnavailable

ENDINGS = (".log", ".journal")


def is_journal(text: object) -> bool:
    """Whether this is the path of a journal, and not a URL."""
    return isinstance(text, str) and text.endswith(ENDINGS) and "://" not in text


def open_journal(path: str | PathLike[str], *, create: bool = True) -> JournalStorage:
    """The storage in the file ``path``, which is made if there is none, unless ``create`` is false.

    A line that a dying process left half written is dropped then: what is written next would
    otherwise be appended to it, and the file could not be read any more.

    Raises:
        StorageUnavailable: if the file cannot be opened or is no journal, or if there is none and
            none is to be made.
    """
    file = Path(path).resolve()
    if not create and not file.exists():
        raise StorageUnavailable(f"there is no file {os.fspath(path)}, so nothing is stored in it")
    lock = JournalFileOpenLock(str(file))  # the other lock of Optuna never lets go where links fail
    try:
        backend = JournalFileBackend(str(file), lock_obj=lock)
        storage = JournalStorage(backend)
        if file.stat().st_size and next(backend.read_logs(0), None) is None:
            raise ValueError("no line of it can be read")
        if create:
            _drop_half_line(file, lock)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageUnavailable(
            f"cannot open {os.fspath(path)} as a journal of Optuna ({error!r}); choose another "
            "file, in a folder that exists and can be written"
        ) from error
    return storage


def _is_whole(file: Path) -> bool:
    """Whether nothing follows the last line break."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        if size == 0:
            return True
        opened.seek(size - 1)
        return opened.read() == b"\n"


def _drop_half_line(file: Path, lock: JournalFileOpenLock) -> None:
    if _is_whole(file):
        return
    lock.acquire()
    try:
        if not _is_whole(file):  # it may be another process's, complete by now
            os.truncate(file, file.read_bytes().rindex(b"\n") + 1)
    finally:
        lock.release()
