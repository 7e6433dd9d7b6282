"""Opening a study: made once, found again by name, refused when it is about something else."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bonas.errors import StorageUnavailable, StudyMismatch
from bonas.evaluation.objective import Objective, as_objectives
from bonas.studies.history import directions
from bonas.studies.journal import is_journal, open_journal

DESCRIPTION = "bonas:description"
"""The study's user attribute that says what is searched and measured, as JSON."""
DEFAULT_NAME = "bonas"
Storage = str | PathLike[str] | BaseStorage
"""A database's URL, the path of a journal (``.log``, ``.journal``), or a storage of Optuna."""
_WAIT = 60.0  # seconds that SQLite waits for another process's lock


def open_study(
    storage: Storage | None,
    name: str | None,
    objectives: Sequence[Objective],
    description: Mapping[str, Any],
    sampler: BaseSampler,
) -> optuna.Study:
    """The study of that name in ``storage`` (None: in memory), made if there is none.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if the study is there but has other objectives or another description.
    """
    wanted = {
        **description,
        "objectives": {objective.name: objective.direction for objective in objectives},
    }
    opened = None if storage is None else opened_storage(storage)
    try:
        study = optuna.create_study(
            storage=opened,
            study_name=name or (DEFAULT_NAME if storage is not None else None),
            directions=[objective.direction for objective in objectives],
            sampler=sampler,
            load_if_exists=True,
        )
        stored = study.user_attrs.get(DESCRIPTION)
    except SQLAlchemyError as error:
        raise _unavailable(storage, error) from error
    if stored is None:
        _check_directions(study, objectives)
        study.set_user_attr(DESCRIPTION, json.dumps(wanted))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.2, and unchanged
            study.set_metric_names([objective.name for objective in objectives])
    else:
        _check(study.study_name, json.loads(stored), wanted)
    return study


def load_study(storage: Storage, name: str) -> tuple[optuna.Study, tuple[Objective, ...]]:
    """A stored study of bonas, and its objectives.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if there is no such study in it, or it is none of bonas.
    """
    opened = opened_storage(storage, create=False)
    names = optuna.get_all_study_names(opened)
    if name not in names:
        raise StudyMismatch(
            f"there is no study {name!r} in {_without_password(storage)}; there are {sorted(names)}"
        )
    study = optuna.load_study(study_name=name, storage=opened)
    stored = study.user_attrs.get(DESCRIPTION)
    if stored is None:
        raise StudyMismatch(f"the study {name!r} was not made by bonas.optimize")
    return study, as_objectives(json.loads(stored)["objectives"])


def opened_storage(storage: Storage, *, create: bool = True) -> BaseStorage:
    """The storage that is meant; a file is made if there is none, unless ``create`` says not to.

    Raises:
        StorageUnavailable: if it cannot be opened.
    """
    if isinstance(storage, BaseStorage):
        return storage
    given = os.fspath(storage) if isinstance(storage, PathLike) else storage
    if is_journal(given):
        return open_journal(given, create=create)
    try:
        url = make_url(given)
        is_sqlite = url.get_backend_name() == "sqlite"
        if is_sqlite and not create and not Path(url.database or "").exists():
            raise StorageUnavailable(
                f"there is no file {url.database}, so no study is stored in it"
            )
        connect = {"connect_args": {"timeout": _WAIT}} if is_sqlite else {}
        return RDBStorage(given, engine_kwargs=connect)
    except StorageUnavailable:
        raise
    except (ArgumentError, SQLAlchemyError, ImportError, ValueError, RuntimeError) as error:
        raise _unavailable(storage, error) from error


def _unavailable(storage: object, error: Exception) -> StorageUnavailable:
    reason = str(error).splitlines()[0]
    return StorageUnavailable(
        f"cannot open the storage {_without_password(storage)}: {reason}; expected a URL such as "
        "sqlite:///search.db (in a folder that exists and can be written), a file such as "
        "search.log, or an Optuna storage"
    )


def _without_password(storage: object) -> str:
    try:
        return make_url(str(storage)).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(storage) if "@" not in str(storage) else "(an unreadable URL)"


def _check_directions(study: optuna.Study, objectives: Sequence[Objective]) -> None:
    """A study that another program made may be joined if it optimises the same way."""
    found = directions(study)
    wanted = [objective.direction for objective in objectives]
    if found != wanted:
        raise StudyMismatch(
            f"the study {study.study_name!r} has the directions {found}, this search needs "
            f"{wanted}; choose another study_name"
        )


def _check(name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    differences = list(_differences("", stored, json.loads(json.dumps(wanted))))
    if differences:
        raise StudyMismatch(
            f"the study {name!r} was made for something else: {'; '.join(differences)}. "
            "Choose another study_name, or call with what it was made for"
        )


def _differences(path: str, stored: Any, wanted: Any) -> list[str]:
    """One line a difference, with the path to it."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        lines = []
        for key in sorted({*stored, *wanted}):
            inner = f"{path}.{key}" if path else key
            if key not in stored:
                lines.append(f"{inner} is new ({wanted[key]!r})")
            elif key not in wanted:
                lines.append(f"{inner} is missing (it was {stored[key]!r})")
            else:
                lines += _differences(inner, stored[key], wanted[key])
        if not lines and list(stored) != list(wanted) and path == "objectives":
            lines.append(f"{path} were in the order {list(stored)}, now {list(wanted)}")
        return lines
    return [] if stored == wanted else [f"{path} was {stored!r}, now {wanted!r}"]
