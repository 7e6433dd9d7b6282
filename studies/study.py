"""Opening a study: made once, found again by name, refused when it is about something else."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from sqlalchemy.exc import SQLAlchemyError

from bonas.errors import StudyMismatch
from bonas.evaluation.objective import Objective, as_objectives
from bonas.studies.history import directions
from bonas.studies.storage import Storage, opened_storage, unavailable, without_password

DESCRIPTION = "bonas:description"
"""The study's user attribute that says what is searched and measured, as JSON."""
DEFAULT_NAME = "bonas"


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
        raise unavailable(storage, error) from error
    if stored is None:
        _check_directions(study, objectives)
        study.set_user_attr(DESCRIPTION, json.dumps(wanted))
        set_names(study, [objective.name for objective in objectives])
    else:
        _check(study.study_name, json.loads(stored), wanted)
    return study


def set_names(study: optuna.Study, names: Sequence[str]) -> None:
    """Name the objectives of a study."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.2, and unchanged
        study.set_metric_names(list(names))


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
            f"there is no study {name!r} in {without_password(storage)}; there are {sorted(names)}"
        )
    study = optuna.load_study(study_name=name, storage=opened)
    stored = study.user_attrs.get(DESCRIPTION)
    if stored is None:
        raise StudyMismatch(f"the study {name!r} was not made by bonas.optimize")
    return study, as_objectives(json.loads(stored)["objectives"])


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
