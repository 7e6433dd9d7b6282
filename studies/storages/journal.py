"""Journals: Optuna's storage in one plain file, to which each operation appends a line.

Far faster than a database for many small studies, and several processes may write at once.
"""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from bonas.errors import StorageUnavailable
from bonas.optuna_internals import backend_of, path_of
from bonas.studies.storages.address import Address
from bonas.studies.storages.filesystem import warn_of_network
from bonas.studies.storages.journal_file import JournalFile, damaged
from bonas.studies.storages.journal_line import parse_operation
from bonas.studies.storages.retry import Retry
from bonas.studies.storages.retrying_storage import RetryingStorage

ENDINGS = (".log", ".journal")


def is_journal(text: object) -> bool:
    """Return whether ``text`` is the path of a journal, and not a URL."""
    return isinstance(text, str) and text.endswith(ENDINGS) and "://" not in text


def journal_file(storage: str | PathLike[str] | BaseStorage | None) -> Path | None:
    """Return the file of a storage, opened or not, that is a journal; None for others."""
    if isinstance(storage, RetryingStorage):
        return journal_file(storage.inner)
    if isinstance(storage, JournalStorage):
        backend = backend_of(storage)
        if isinstance(backend, JournalFile):
            return backend.path
        return Path(path_of(backend)) if isinstance(backend, JournalFileBackend) else None
    if storage is None or isinstance(storage, BaseStorage):
        return None
    given = os.fspath(storage)
    return Path(given) if is_journal(given) else None


def open_journal(path: str | PathLike[str], *, create: bool = True) -> BaseStorage:
    """Open the journal ``path``; create the file if it is missing, unless ``create`` is false.

    Warns:
        UserWarning: if it is on a network file system.

    Raises:
        StorageUnavailable: if the file cannot be opened or is no journal, or is missing and not to
            be created; from any call of the storage, if the file can no longer be used.
    """
    file, shown = Path(path).resolve(), os.fspath(path)
    if not create and not file.exists():
        raise StorageUnavailable(f"there is no file {shown}, so nothing is stored in it")
    warn_of_network(file, "a journal")
    try:
        if not file.exists():
            file.open("ab").close()
        _check_first_line(file)
        backend = JournalFile(file)
        storage = JournalStorage(backend)
    except (OSError, ValueError) as error:
        raise StorageUnavailable(
            f"cannot open {shown} as a journal of Optuna ({error!r}); choose another "
            "file, in a folder that exists and can be written"
        ) from error
    if create:
        backend.drop_half_line()
    address = Address(shown)
    return RetryingStorage(storage, address, Retry(address, _never_retried, 0.0))


def check_journal(path: str | PathLike[str]) -> int:
    """Parse every line of a journal, and return their number.

    A search reads each line once. This reads all of them again, and so finds lines that were
    damaged since. An incomplete last line is not counted: the next writer drops it.

    Raises:
        StorageUnavailable: if the file cannot be read, or a line cannot be parsed; the message
            names the first such line.
    """
    file, count = Path(path).resolve(), 0
    try:
        with file.open("rb") as opened:
            for count, line in enumerate(opened, start=1):
                if not line.endswith(b"\n"):
                    return count - 1
                try:
                    parse_operation(line)
                except ValueError as error:
                    raise damaged(file, count, error) from error
    except OSError as error:
        raise StorageUnavailable(
            f"cannot read the journal {file}: {error.strerror or error}"
        ) from error
    return count


def _never_retried(_: Exception) -> None:
    """Classify no error: a local file is there or not, and its lock has its own retries."""


def _check_first_line(file: Path) -> None:
    """Raise an error if the first line is no operation.

    The file is a damaged journal if any other line is an operation, and no journal otherwise.
    """
    with file.open("rb") as opened:
        first = opened.readline()
        if not first or _is_operation(first):
            return
        if any(map(_is_operation, opened)):
            raise damaged(file, 1, ValueError("no JSON object of a journal"))
    parse_operation(first)


def _is_operation(line: bytes) -> bool:
    try:
        parse_operation(line)
    except ValueError:
        return False
    return True
