"""What stands in a study, read with care: other programs may write to it, too.

Attributes are JSON values of any type, and texts of JSON that may be none. A reader here returns
what bonas can use, or says that there is nothing; what is ignored is told once.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from typing import Any, TypeGuard
from weakref import WeakKeyDictionary

from optuna import Study
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

_logger = logging.getLogger(__name__)
_told: WeakKeyDictionary[BaseStorage, set[tuple[int, str]]] = WeakKeyDictionary()


def json_object(text: object) -> dict[str, Any] | None:
    """The object that a text of JSON holds; None for anything else.

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


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number of at least 0, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def values_of(trial: FrozenTrial, m: int) -> list[float] | None:
    """The ``m`` finite values of a finished trial; None where it has others, or none."""
    values = trial.values
    if trial.state != TrialState.COMPLETE or values is None or len(values) != m:
        return None
    return values if all(map(math.isfinite, values)) else None


def names_of(study: Study) -> list[str]:
    """The names of a study's values, one each; empty where nobody has named them."""
    names: object = study.metric_names
    if names is None:
        return []
    found = [name for name in names if isinstance(name, str)] if _is_list(names) else []
    if _is_list(names) and len({*found}) == len(names) == len(study.directions):
        return found
    what = f"{len(study.directions)} different names were expected, got {names!r:.200}"
    ignored_in_study(study, "metric names", what)
    return []


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def ignored_in_study(study: Study, key: str, what: str) -> None:
    """Tell, once in a process, what of a study is ignored, and under which key it stands."""
    told = _told.setdefault(study._storage, set())
    if (study._study_id, key) not in told:
        told.add((study._study_id, key))
        _logger.warning("the study %r: ignored %s: %s", study.study_name, key, what)
