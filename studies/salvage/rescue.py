"""Rescue of a damaged journal or SQLite database: what can be read goes into a new storage."""

from __future__ import annotations

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from bonas.errors import InvalidArgument, StorageUnavailable, StudyMismatch
from bonas.studies.records import DESCRIPTION
from bonas.studies.salvage.database import read_database
from bonas.studies.salvage.journal import read_journal
from bonas.studies.salvage.salvaged import Salvaged, SalvagedStudy
from bonas.studies.storages.address import Address
from bonas.studies.storages.journal import is_journal
from bonas.studies.storages.opening import open_storage, sqlite_file

_NAMELESS = "rescued"
_SHOWN = 20  # unreadable lines or rows that are shown


@dataclass(frozen=True, slots=True)
class Rescued:
    """The outcome of a rescue.

    Attributes:
        studies: The names of the copied studies.
        trials: The number of copied trials.
        lost: The number of trials that certainly existed, and of which nothing could be read.
        unreadable: The lines of a journal, or the rows of tables, that could not be read, each with
            the reason.
    """

    studies: tuple[str, ...]
    trials: int
    lost: int
    unreadable: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line that says what was copied, lost and unreadable."""
        more = len(self.unreadable) - _SHOWN
        bad = [*self.unreadable[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        text = f"{self.trials} trials copied of {', '.join(map(repr, self.studies))}; "
        text += f"{self.lost} lost; "
        return text + (f"unreadable: {'; '.join(bad)}" if bad else "every line could be read")


def rescue(old: str | PathLike[str], new: str | PathLike[str], study: str | None = None) -> Rescued:
    """Copy what can be read of a damaged storage into a new one, where the search goes on.

    ``old`` is only read; no process may write to it meanwhile. Trials keep their values,
    parameters and attributes, and their numbers if no earlier trial is lost. A trial that was
    running, or whose values are lost, is evaluated again by the next ``bonas.optimize`` with
    ``storage=new``.

    Args:
        old: A journal, or an SQLite database as ``sqlite:///search.db``.
        new: The storage to copy to, as ``bonas.optimize`` takes it.
        study: The study to copy; all of them by default.

    Raises:
        StorageUnavailable: if nothing of ``old`` can be read, or ``new`` cannot be opened.
        StudyMismatch: if there is no such study in ``old``, or one of its name in ``new``.
        InvalidArgument: if ``old`` is no journal and no SQLite database, or is ``new``.
    """
    salvaged = _salvage(old, new)
    chosen = [found for found in _named(salvaged, study) if study in (None, found.name)]
    names = tuple(str(found.name) for found in chosen)
    if not names:
        known = sorted(str(found.name) for found in salvaged.studies)
        raise StudyMismatch(f"no study {study!r} can be read in {_shown(old)}; there are {known}")
    storage = open_storage(new)
    taken = {found.study_name for found in storage.get_all_studies()} & set(names)
    if taken:
        raise StudyMismatch(
            f"{_shown(new)} holds the studies {sorted(taken)} already; choose another new storage"
        )
    for found in chosen:
        salvaged.unreadable += found.drop_inconsistent_params()
        _copy(found, storage)
    trials = sum(len(found.trials) for found in chosen)
    return Rescued(names, trials, salvaged.lost, tuple(salvaged.unreadable))


def _salvage(old: str | PathLike[str], new: str | PathLike[str]) -> Salvaged:
    """Read ``old``; raise an error if it is of the wrong kind, or nothing can be read."""
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


def _named(salvaged: Salvaged, study: str | None) -> list[SalvagedStudy]:
    """Return the studies that can be created, each with a name and directions.

    A lost name is replaced by the one that the caller gave, if it can only mean this study, or by
    a new one. A study whose directions are lost is lost.
    """
    named, nameless = [], [found for found in salvaged.studies if found.name is None]
    is_meant = len(nameless) == 1 and study not in {found.name for found in salvaged.studies}
    for index, found in enumerate(salvaged.studies):
        if found.name is None:
            found.name = study if is_meant and study is not None else f"{_NAMELESS}-{index}"
        found.directions = found.directions or _described_directions(found)
        if found.directions:
            named.append(found)
        else:
            salvaged.lost += len(found.trials)
            salvaged.unreadable.append(f"the directions of the study {found.name!r}")
    return named


def _described_directions(study: SalvagedStudy) -> list[StudyDirection]:
    """Return the directions that a study's description repeats; empty if it has none."""
    try:
        found = DESCRIPTION.parsed(study.user_attrs, study.system_attrs) or {}
        objectives = found["objectives"]
        return [StudyDirection[direction.upper()] for direction in objectives.values()]
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _copy(study: SalvagedStudy, storage: BaseStorage) -> None:
    assert study.directions is not None
    copied = storage.create_new_study(study.directions, study.name)
    for key, value in study.system_attrs.items():
        storage.set_study_system_attr(copied, key, value)
    for key, value in study.user_attrs.items():
        storage.set_study_user_attr(copied, key, value)
    for number, trial in enumerate(study.trials):
        storage.create_new_trial(copied, trial.frozen(len(study.directions), number))


def _file(storage: str | PathLike[str]) -> Path | None:
    """Return the file of a journal or an SQLite database; None for other storages."""
    given = os.fspath(storage)
    if is_journal(given):
        return Path(given)
    url = Address(given).url_or_none()
    return None if url is None else sqlite_file(url)


def _shown(storage: str | PathLike[str]) -> str:
    return str(Address(os.fspath(storage)))
