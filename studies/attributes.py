"""Attributes of studies and trials: a typed value under a key, read with care.

Attributes are JSON values of any type, some of them texts of JSON, and other programs may write to
a study, too. A reader returns a value of the attribute's type or None; what is ignored is logged
once.

Dashboards show user attributes, and no system attributes. What only programs read is a system
attribute; a trial may hold words for people under the same key among its user attributes. Earlier
versions kept some of these as user attributes, which are read where there is no system attribute.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial

from bonas.arguments import is_count
from bonas.optuna_internals import (
    id_of,
    set_study_system_attr,
    set_system_attr,
    set_user_attr,
    storage_of,
    study_system_attrs,
)

T = TypeVar("T")

_BRIEF = 160  # characters, as much as a dashboard shows without being filled by it
_logger = logging.getLogger(__name__)
_logged: WeakKeyDictionary[BaseStorage, set[tuple[int, str]]] = WeakKeyDictionary()


def json_object(text: object) -> dict[str, Any] | None:
    """Return the object that a text of JSON holds; None for anything else.

    >>> json_object('{"a": 1}'), json_object("[]"), json_object("no"), json_object(5)
    ({'a': 1}, None, None, None)
    """
    if not isinstance(text, str):
        return None
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def whole(value: object) -> int | None:
    """Return a whole number of at least 0; None for anything else."""
    return value if is_count(value) else None


def text(value: object) -> str | None:
    """Return a string; None for anything else."""
    return value if isinstance(value, str) else None


def mapping(value: object) -> dict[str, Any] | None:
    """Return a mapping as JSON has it; None for anything else."""
    return value if isinstance(value, dict) else None


def brief(text: str) -> str:
    r"""Return a text of one line and at most 160 characters.

    >>> brief("two\n lines"), len(brief("x" * 1_000))
    ('two lines', 160)
    """
    line = " ".join(text.split())
    return line if len(line) <= _BRIEF else f"{line[: _BRIEF - 1]}…"


def as_it_is(value: T) -> T:
    """Return the value, which is a JSON value already."""
    return value


@dataclass(frozen=True)
class StudyAttribute(Generic[T]):
    """An attribute of a study.

    Attributes:
        key: Its name in the study.
        expected: Its type, in words.
        parse: The stored value -> a value of the type; None where it is something else.
        dump: Its inverse.
        is_system: Whether it is one of the system's attributes, which users do not see.
    """

    key: str
    expected: str
    parse: Callable[[object], T | None]
    dump: Callable[[T], object] = as_it_is
    is_system: bool = False

    def read(self, study: Study) -> T | None:
        """Return what the study holds; None for nothing, and for what is ignored."""
        stored: object = self._stored(study)
        found = None if stored is None else self.parse(stored)
        if found is None and stored is not None:
            ignored_in_study(study, self.key, f"{self.expected} was expected, got {stored!r:.200}")
        return found

    def write(self, study: Study, value: T) -> None:
        """Store a value in place of the one before."""
        if self.is_system:
            set_study_system_attr(study, self.key, self.dump(value))
        else:
            study.set_user_attr(self.key, self.dump(value))

    def is_in(self, study: Study) -> bool:
        """Return whether the study has anything under the key."""
        return self._stored(study) is not None

    def parsed(self, user: Mapping[str, Any], system: Mapping[str, Any]) -> T | None:
        """Return what user and system attributes hold that were read before; None for nothing."""
        among = system if self.is_system and self.key in system else user
        return self.parse(among.get(self.key))

    def _stored(self, study: Study) -> object:
        system = study_system_attrs(study) if self.is_system else {}
        return system[self.key] if self.key in system else study.user_attrs.get(self.key)


@dataclass(frozen=True)
class TrialAttribute(Generic[T]):
    """An attribute of a trial.

    Attributes:
        key: Its name in the trial.
        expected: Its type, in words.
        parse: The stored value -> a value of the type; None where it is something else.
        dump: Its inverse.
        is_system: Whether it is one of the system's attributes, which users do not see.
        in_words: The value -> what users see of a system attribute, if anything.
    """

    key: str
    expected: str
    parse: Callable[[object], T | None]
    dump: Callable[[T], object] = as_it_is
    is_system: bool = False
    in_words: Callable[[T], str] | None = None

    def read(self, trial: FrozenTrial) -> T | None:
        """Return what the trial holds; None for nothing, and for what is ignored."""
        stored: object = self._among(trial).get(self.key)
        found = None if stored is None else self.parse(stored)
        if found is None and stored is not None:
            _log_unread(trial.number, self.key, self.expected, f"{stored!r:.200}")
        return found

    def write(self, study: Study, trial: Trial | FrozenTrial, value: T) -> None:
        """Store a value in place of the one before.

        Raises:
            UpdateFinishedTrialError: if the trial is finished.
        """
        write = set_system_attr if self.is_system else set_user_attr
        write(study, trial, self.key, self.dump(value))
        for key, words in self.words(value).items():  # last: a program must not read them
            set_user_attr(study, trial, key, words)

    def holding(self, value: T) -> dict[str, Any]:
        """Return the attribute as ``create_trial`` takes it."""
        return {self.key: self.dump(value)}

    def words(self, value: T) -> dict[str, str]:
        """Return the user attribute that says it in words, as ``create_trial`` takes it."""
        return {} if self.in_words is None else {self.key: brief(self.in_words(value))}

    def is_in(self, trial: FrozenTrial) -> bool:
        """Return whether the trial has anything under the key."""
        return self.key in self._among(trial)

    def _among(self, trial: FrozenTrial) -> dict[str, Any]:
        is_there = self.is_system and self.key in trial.system_attrs
        return trial.system_attrs if is_there else trial.user_attrs


def ignored_in_study(study: Study, key: str, what: str) -> None:
    """Log, once per process, what of a study is ignored, and under which key it stands."""
    logged = _logged.setdefault(storage_of(study), set())
    if (id_of(study), key) not in logged:
        logged.add((id_of(study), key))
        _logger.warning("the study %r: ignored %s: %s", study.study_name, key, what)


@lru_cache(maxsize=1_000)
def _log_unread(number: int, key: str, expected: str, stored: str) -> None:
    """Log it once, as long as that is remembered: every proposal reads all trials."""
    _logger.warning(
        "trial %d has a %s that cannot be read: %s was expected, got %s",
        number,
        key,
        expected,
        stored,
    )
