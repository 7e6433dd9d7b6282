"""Rescuing what can be read of a damaged journal or SQLite database, into a new storage."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from bonas.errors import InvalidArgument, StorageUnavailable, StudyMismatch
from bonas.studies.lineage.description import DESCRIPTION
from bonas.studies.salvage.database import read_database
from bonas.studies.salvage.journal import read_journal
from bonas.studies.salvage.remains import Remains, StudyRemains
from bonas.studies.storages.address import Address
from bonas.studies.storages.journal import is_journal
from bonas.studies.storages.opening import open_storage, sqlite_file

_NAMELESS = "rescued"
_SHOWN = 20  # unreadable lines or rows that are shown


@dataclass(frozen=True, slots=True)
class Rescued:
    """What a rescue copied.

    Attributes:
        studies: The names of the studies.
        trials: How many trials were copied.
        lost: How many trials are known to have been there, of which nothing could be read.
        unreadable: The lines of a journal, or the rows of tables, that could not be read, each with
            the reason.
    """

    studies: tuple[str, ...]
    trials: int
    lost: int
    unreadable: tuple[str, ...]

    def __str__(self) -> str:
        more = len(self.unreadable) - _SHOWN
        bad = [*self.unreadable[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        told = f"{self.trials} trials copied of {', '.join(map(repr, self.studies))}; "
        told += f"{self.lost} lost; "
        return told + (f"unreadable: {'; '.join(bad)}" if bad else "every line could be read")


def rescue(old: str | PathLike[str], new: str | PathLike[str], study: str | None = None) -> Rescued:
    """Copy what can be read of a damaged storage into a new one, where the search goes on.

    ``old`` is left as it is; nobody may write to it meanwhile. Trials keep their values,
    parameters, attributes and, but for those lost before them, their numbers. A trial that was
    running, or whose values are lost, is evaluated again by the next ``bonas.optimize`` with
    ``storage=new``.

    Args:
        old: A journal, or an SQLite database as ``sqlite:///search.db``.
        new: Where to copy it: a storage as ``bonas.optimize`` takes it.
        study: The study to copy; all of them by default.

    Raises:
        StorageUnavailable: if nothing of ``old`` can be read, or ``new`` cannot be opened.
        StudyMismatch: if there is no such study in ``old``, or one of its name in ``new``.
        InvalidArgument: if ``old`` is no journal and no SQLite database, or is ``new``.
    """
    remains = _remains(old, new)
    chosen = [found for found in _named(remains, study) if study in (None, found.name)]
    names = tuple(str(found.name) for found in chosen)
    if not names:
        known = sorted(str(found.name) for found in remains.studies)
        raise StudyMismatch(f"no study {study!r} can be read in {_shown(old)}; there are {known}")
    storage = open_storage(new)
    taken = {found.study_name for found in storage.get_all_studies()} & set(names)
    if taken:
        raise StudyMismatch(
            f"{_shown(new)} holds the studies {sorted(taken)} already; choose another new storage"
        )
    for found in chosen:
        _copy(found, storage)
    trials = sum(len(found.trials) for found in chosen)
    return Rescued(names, trials, remains.lost, tuple(remains.unreadable))


def _remains(old: str | PathLike[str], new: str | PathLike[str]) -> Remains:
    file, target = _file(old), _file(new)
    if file is None:
        raise InvalidArgument(
            f"cannot rescue {_shown(old)}: expected a journal such as search.log, or an SQLite "
            "database such as sqlite:///search.db; other databases have their own means"
        )
    if target is not None and target.resolve() == file.resolve():
        raise InvalidArgument(f"{_shown(old)} cannot be rescued into itself; choose another file")
    try:
        found = read_journal(file) if is_journal(os.fspath(old)) else read_database(file)
    except OSError as error:
        raise StorageUnavailable(
            f"cannot read {file}: {error.strerror or error}; expected a file that can be read"
        ) from error
    if not any(study.trials or study.name for study in found.studies):
        raise StorageUnavailable(
            f"nothing of a study can be read in {file}: {'; '.join(found.unreadable[:3])}"
        )
    return found


def _named(remains: Remains, study: str | None) -> list[StudyRemains]:
    """The studies that can be made: a name that is lost is made up, directions are not.

    The study that the caller names is the one without a name, where only one has none.
    """
    made, nameless = [], [found for found in remains.studies if found.name is None]
    is_meant = len(nameless) == 1 and study not in {found.name for found in remains.studies}
    for index, found in enumerate(remains.studies):
        if found.name is None:
            found.name = study if is_meant and study is not None else f"{_NAMELESS}-{index}"
        found.directions = found.directions or _described(found)
        if found.directions:
            made.append(found)
        else:
            remains.lost += len(found.trials)
            remains.unreadable.append(f"the directions of the study {found.name!r}")
    return made


def _described(study: StudyRemains) -> list[StudyDirection]:
    """The directions that a study of bonas also tells elsewhere; empty if it does not."""
    try:
        objectives = json.loads(study.user_attrs[DESCRIPTION])["objectives"]
        return [StudyDirection[direction.upper()] for direction in objectives.values()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _copy(study: StudyRemains, storage: BaseStorage) -> None:
    assert study.directions is not None
    copied = storage.create_new_study(study.directions, study.name)
    for key, value in study.system_attrs.items():
        storage.set_study_system_attr(copied, key, value)
    for key, value in study.user_attrs.items():
        storage.set_study_user_attr(copied, key, value)
    for number, trial in enumerate(study.trials):
        storage.create_new_trial(copied, trial.frozen(len(study.directions), number))


def _file(storage: str | PathLike[str]) -> Path | None:
    """The file of a journal or an SQLite database; None for other storages."""
    given = os.fspath(storage)
    if is_journal(given):
        return Path(given)
    url = Address(given).url_or_none()
    return None if url is None else sqlite_file(url)


def _shown(storage: str | PathLike[str]) -> str:
    return str(Address(os.fspath(storage)))
