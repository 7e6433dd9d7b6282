"""Opening a study: made once, found again by name, refused when it is about something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.samplers import BaseSampler
from sqlalchemy.exc import SQLAlchemyError

from bonas.errors import InvalidArgument, StudyMismatch, unknown
from bonas.evaluation.objective import Objective
from bonas.spaces import Space
from bonas.studies.lineage.description import (
    Description,
    differences,
    make_description,
    objectives_in,
    store_description,
)
from bonas.studies.lineage.forks import complete_fork, open_fork
from bonas.studies.lineage.networks import network_changes
from bonas.studies.lineage.origin import description_of
from bonas.studies.lineage.successors import latest_successor, lineage_of, open_successor
from bonas.studies.lineage.units import with_units_of
from bonas.studies.records import directions
from bonas.studies.storages.opening import Storage, open_storage, opening_error, without_password
from bonas.texts import objection, shown

DEFAULT_NAME = "bonas"
OnMismatch = Literal["refuse", "fork"]
"""What to do with a study that was made for something else."""
_WAYS = ("refuse", "fork")


def open_study(
    storage: Storage | None,
    name: str | None,
    objectives: Sequence[Objective],
    description: Mapping[str, Any],
    sampler: BaseSampler,
    *,
    space: Space | None = None,
    on_mismatch: OnMismatch = "refuse",
) -> optuna.Study:
    """Open the study of that name in ``storage`` (None: in memory); create it if there is none.

    If options were added to parameters since, return its successor, which holds all its trials.

    Args:
        storage: Where the study is.
        name: Its name; ``"bonas"`` by default.
        objectives: What is optimised, in the order of the trials' values.
        description: What is searched and measured, as JSON values.
        sampler: The study's.
        space: What is searched, for which trials of an earlier study may be impossible.
        on_mismatch: ``"refuse"`` a study that was made for something else, or ``"fork"`` it: go on
            in a study ``name-2``, ``name-3``, ... with those of its trials whose values hold. The
            same call finds the same fork.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if the study is there but has other objectives or another description.
        InvalidArgument: for an unknown ``on_mismatch``, or a name that cannot be stored.
    """
    if on_mismatch not in _WAYS:
        raise unknown("on_mismatch", on_mismatch, _WAYS)
    _check_name(name)
    wanted = make_description(description, objectives)
    opened = None if storage is None else open_storage(storage)
    try:
        study = optuna.create_study(
            storage=opened,
            study_name=name or (DEFAULT_NAME if storage is not None else None),
            directions=[objective.direction for objective in objectives],
            sampler=sampler,
            load_if_exists=True,
        )
        stored = description_of(study)
    except SQLAlchemyError as error:
        raise opening_error(storage, error) from error
    if stored is None:
        _check_directions(study, objectives)
        store_description(study, wanted)
        return study
    return _continued(study, wanted, space, on_mismatch)


def load_study(storage: Storage, name: str) -> tuple[optuna.Study, tuple[Objective, ...]]:
    """Return a stored study of bonas, or its latest successor, and its objectives.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if there is no such study in it, or bonas did not create it.
    """
    study = find_study(storage, name)
    stored = description_of(study)
    if stored is None:
        raise StudyMismatch(f"the study {name!r} was not made by bonas.optimize")
    return study, objectives_in(stored)


def find_study(storage: Storage, name: str) -> optuna.Study:
    """Return a stored study of any program, or its latest successor.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if there is no such study in it.
    """
    opened = open_storage(storage, create=False)
    names = optuna.get_all_study_names(opened)
    if name not in names:
        raise StudyMismatch(
            f"there is no study {name!r} in {without_password(storage)}; there are {sorted(names)}"
        )
    *_, study = lineage_of(optuna.load_study(study_name=name, storage=opened))
    return study


def _continued(
    study: optuna.Study, wanted: Description, space: Space | None, on_mismatch: OnMismatch
) -> optuna.Study:
    """Return the study, its successor or its fork, whichever is for ``wanted``.

    Its description gets what an older version of bonas did not know, such as units.
    """
    root = study.study_name
    study = complete_fork(latest_successor(study), space)
    stored = description_of(study) or {}
    wanted = with_units_of(stored, wanted)
    differing = differences(stored, wanted)
    rebuilt = network_changes(study, space)
    if not differing and not rebuilt:
        return _described(study, wanted)
    successor = None if rebuilt else open_successor(study, wanted, space)
    if successor is not None:
        return _described(successor, wanted)
    differing += [rebuilt] if rebuilt else []
    if on_mismatch == "fork":
        return _described(open_fork(study, wanted, space, root, differing), wanted)
    raise StudyMismatch(
        f"the study {study.study_name!r} was made for something else: {'; '.join(differing)}. "
        "Choose another study_name, call with what it was made for, or go on in a fork of it with "
        'on_mismatch="fork"'
    )


def _described(study: optuna.Study, wanted: Description) -> optuna.Study:
    """Return a study that is for ``wanted``, once it stores all of that."""
    stored = description_of(study) or {}
    whole = with_units_of(stored, wanted)
    if stored != whole:
        store_description(study, whole)
    return study


def _check_name(name: object) -> None:
    if name is None or name == "":
        return  # the default
    if not isinstance(name, str):
        raise InvalidArgument(f"study_name must be a string or None, got {name!r}")
    if why := objection(name, reserved=""):
        raise InvalidArgument(f"a study cannot be named {shown(name)}: {why}")


def _check_directions(study: optuna.Study, objectives: Sequence[Objective]) -> None:
    """Check that a study of another program optimises the same way, so that it may be joined."""
    found = directions(study)
    wanted = [objective.direction for objective in objectives]
    if found != wanted:
        raise StudyMismatch(
            f"the study {study.study_name!r} has the directions {found}, this search needs "
            f"{wanted}; choose another study_name"
        )
