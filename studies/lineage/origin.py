"""The origin of a study that continues another one, and how such a study claims its name.

A name can be created only once in a storage, so that of several processes one creates the study.
It stores the ``Origin`` next, from which other processes, and the next call after a crash, see what
the study is for.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError

from bonas.arguments import is_count
from bonas.evaluation.objective import Objective
from bonas.optuna_internals import storage_of, study_system_attrs
from bonas.studies.attributes import ignored_in_study
from bonas.studies.lineage.description import (
    Description,
    differences,
    is_description,
    store_description,
)
from bonas.studies.lineage.units import KEY as UNITS_KEY
from bonas.studies.lineage.units import in_units, stored_units, unreadable_units
from bonas.studies.records import (
    BUDGET,
    CANDIDATES,
    CONSTRAINTS,
    DESCRIPTION,
    ORIGIN,
    SUCCESSOR,
)

# Attributes about one study only; candidates are asked for again, of the space of the new study.
_OF_ONE_STUDY = (DESCRIPTION, BUDGET, ORIGIN, SUCCESSOR, CANDIDATES)
_NOT_COPIED = tuple(attribute.key for attribute in (*_OF_ONE_STUDY, CONSTRAINTS))
_ORIGIN_TIMEOUT = 2.0  # seconds in which another process stores the origin of a study it creates


@dataclass(frozen=True)
class Origin:
    """What a study continues, and for which task.

    Attributes:
        root: The name of the study that the user gave.
        study: The name of the study whose trials are copied.
        trials: The number of trials to copy from, for a fork; None for a successor, which also
            gets later ones.
        description: What the study was created for.
    """

    root: str
    study: str
    trials: int | None
    description: Description

    @classmethod
    def of(cls, study: optuna.Study) -> Origin | None:
        """Return the origin of a study; None if it continues no other."""
        stored = ORIGIN.read(study)
        if stored is None:
            return None
        found = cls._parsed(stored)
        if found is None or found.study == study.study_name:
            what = "itself" if found else f"{stored!r:.200}"
            ignored_in_study(study, ORIGIN.key, f"another study was expected, got {what}")
            return None
        return found

    @classmethod
    def _parsed(cls, fields: Mapping[str, Any]) -> Origin | None:
        """Return the origin with these fields; None if they are not those of one."""
        root, study, trials = (fields.get(key) for key in ("root", "study", "trials"))
        description: object = fields.get("description")
        if not (isinstance(root, str) and isinstance(study, str) and is_description(description)):
            return None
        return cls(root, study, trials, description) if trials is None or is_count(trials) else None

    @property
    def is_fork(self) -> bool:
        """Whether the study is for another task than the one it continues."""
        return self.trials is not None

    def agrees(self, other: Origin) -> bool:
        """Return whether a study with either origin serves for both."""
        return (
            self.root == other.root
            and self.is_fork == other.is_fork
            and not differences(self.description, other.description)
        )


def description_of(study: optuna.Study) -> Description | None:
    """Return what a study was created for; None if another program created it."""
    found = DESCRIPTION.read(study)
    if is_description(found):
        if (unread := unreadable_units(found)) is not None:
            ignored_in_study(study, UNITS_KEY, f"units were expected, got {unread!r:.200}")
        return found
    if found is not None:
        what = f"{DESCRIPTION.expected} was expected, got {found!r:.200}"
        ignored_in_study(study, DESCRIPTION.key, what)
    origin = Origin.of(study)
    return None if origin is None else origin.description


def objectives_of(study: optuna.Study, objectives: Sequence[Objective]) -> tuple[Objective, ...]:
    """Return the objectives of a search of a study, with stored units where it does not say them.

    Without a stored one, a unit that is not said stays empty.
    """
    return in_units(objectives, stored_units(description_of(study) or {}))


def load_sibling(study: optuna.Study, name: str) -> optuna.Study | None:
    """Load the study ``name`` of the same storage, with the same sampler; None if there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage_of(study), sampler=study.sampler)
    except KeyError:
        return None


def claim_study(source: optuna.Study, name: str, origin: Origin) -> optuna.Study | None:
    """Return the study ``name`` with that origin, created if missing; None if the name is taken."""
    found = None
    try:
        study = optuna.create_study(
            storage=storage_of(source),
            study_name=name,
            directions=list(origin.description["objectives"].values()),
            sampler=source.sampler,
        )
    except DuplicatedStudyError:
        other = load_sibling(source, name)
        if other is None or not (_gets_origin(other) or _is_blank(other)):
            return None
        study, found = other, Origin.of(other)
        if found is None and not _is_blank(other):
            return None
    if found is None:
        ORIGIN.write(study, asdict(origin))
        found = origin
    if not found.agrees(origin):
        return None
    complete_attributes(study, source, found)
    return study


def claim_first_free(source: optuna.Study, names: Iterable[str], origin: Origin) -> optuna.Study:
    """Return the study with that origin under the first of ``names`` that is not taken."""
    claims = (claim_study(source, name, origin) for name in names)
    return next(claim for claim in claims if claim is not None)


def numbered(stem: str) -> Iterator[str]:
    """Yield ``stem2``, ``stem3``, ... without end."""
    return (f"{stem}{n}" for n in count(2))


def complete_attributes(study: optuna.Study, source: optuna.Study, origin: Origin) -> None:
    """Copy the attributes of ``source``, then store the description, unless the study has one."""
    if DESCRIPTION.is_in(study):
        return
    for name, value in source.user_attrs.items():
        if name not in _NOT_COPIED:
            study.set_user_attr(name, value)
    if (bounds := CONSTRAINTS.read(source)) is not None:
        CONSTRAINTS.write(study, bounds)
    store_description(study, origin.description)


def _gets_origin(study: optuna.Study) -> bool:
    """Wait for the origin of a study that another process may have just created."""
    end = time.monotonic() + _ORIGIN_TIMEOUT
    while _is_blank(study) and time.monotonic() < end:
        time.sleep(0.05)
    return ORIGIN.is_in(study)


def _is_blank(study: optuna.Study) -> bool:
    """Return whether a study has neither attributes nor trials."""
    has_attributes = bool(study.user_attrs) or bool(study_system_attrs(study))
    return not has_attributes and not study.get_trials(deepcopy=False)
