"""Where a study comes from that was made out of another one, and how its name is taken.

A name can be made once only in a storage, so of several processes one makes the study. Its
``ORIGIN`` is written next, and tells the others, and whoever comes after a crash, whose it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError

from bonas.studies.attributes import ignored_in_study, is_whole, json_object
from bonas.studies.lineage.description import (
    DESCRIPTION,
    Description,
    differences,
    is_description,
    store_description,
)
from bonas.studies.running.trials import BUDGET

ORIGIN = "bonas:origin"
"""The study's user attribute that holds its ``Origin``, as JSON."""
SUCCESSOR = "bonas:successor"
"""The study's user attribute that names the study in which the search goes on."""

_OWN = (DESCRIPTION, BUDGET, ORIGIN, SUCCESSOR)  # attributes that are about one study only
_ORIGIN_TIMEOUT = 2.0  # seconds in which whoever made a study has written its origin


@dataclass(frozen=True)
class Origin:
    """What a study was made out of.

    Attributes:
        root: The study whose name the user gave.
        study: The one whose trials it takes over.
        trials: How many that had then, of a fork; None of a successor, which takes later ones too.
        description: What it was made for.
    """

    root: str
    study: str
    trials: int | None
    description: Description

    @classmethod
    def of(cls, study: optuna.Study) -> Origin | None:
        """None for a study that was not made out of another one."""
        text: object = study.user_attrs.get(ORIGIN)
        if text is None:
            return None
        found = cls._read(json_object(text) or {})
        if found is None or found.study == study.study_name:
            what = "itself" if found else f"{text!r:.200}"
            ignored_in_study(study, ORIGIN, f"another study was expected, got {what}")
            return None
        return found

    @classmethod
    def _read(cls, told: Mapping[str, Any]) -> Origin | None:
        root, study, trials = (told.get(key) for key in ("root", "study", "trials"))
        description: object = told.get("description")
        if not (isinstance(root, str) and isinstance(study, str) and is_description(description)):
            return None
        return cls(root, study, trials, description) if trials is None or is_whole(trials) else None

    @property
    def is_fork(self) -> bool:
        """Whether it was made for another task."""
        return self.trials is not None

    def agrees(self, other: Origin) -> bool:
        """Whether a study of either origin serves for both."""
        return (
            self.root == other.root
            and self.is_fork == other.is_fork
            and not differences(self.description, other.description)
        )


def description_of(study: optuna.Study) -> Description | None:
    """What a study was made for; None for one that another program made."""
    text: object = study.user_attrs.get(DESCRIPTION)
    if text is not None:
        found = json_object(text)
        if is_description(found):
            return found
        ignored_in_study(study, DESCRIPTION, f"a description was expected, got {text!r:.200}")
    origin = Origin.of(study)
    return None if origin is None else origin.description


def load_sibling(beside: optuna.Study, name: str) -> optuna.Study | None:
    """The study of that name in the same storage, with the same sampler; None if there is none."""
    try:
        return optuna.load_study(study_name=name, storage=beside._storage, sampler=beside.sampler)
    except KeyError:
        return None


def claim_study(source: optuna.Study, name: str, origin: Origin) -> optuna.Study | None:
    """The study of that name and origin, made if there is none; None if the name is taken."""
    found = None
    try:
        study = optuna.create_study(
            storage=source._storage,
            study_name=name,
            directions=list(origin.description["objectives"].values()),
            sampler=source.sampler,
        )
    except DuplicatedStudyError:
        other = load_sibling(source, name)
        if other is None or not (_awaited(other) or _is_blank(other)):
            return None
        study, found = other, Origin.of(other)
        if found is None and not _is_blank(other):
            return None
    if found is None:
        study.set_user_attr(ORIGIN, json.dumps(asdict(origin)))
        found = origin
    if not found.agrees(origin):
        return None
    copy_attributes(study, source, found)
    return study


def copy_attributes(study: optuna.Study, source: optuna.Study, origin: Origin) -> None:
    """Give a study all that is written about it, unless it has that."""
    if DESCRIPTION in study.user_attrs:
        return
    for name, value in source.user_attrs.items():
        if name not in _OWN:
            study.set_user_attr(name, value)
    store_description(study, origin.description)


def _awaited(study: optuna.Study) -> bool:
    """Whether a study that was made by another process a moment ago, perhaps, has its origin."""
    end = time.monotonic() + _ORIGIN_TIMEOUT
    while _is_blank(study) and time.monotonic() < end:
        time.sleep(0.05)
    return ORIGIN in study.user_attrs


def _is_blank(study: optuna.Study) -> bool:
    return not study.user_attrs and not study.get_trials(deepcopy=False)
