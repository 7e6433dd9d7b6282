"""The study of an estimator: its name, the schedule it stores, and its copy in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from optuna.storages import InMemoryStorage
from torch import Tensor

from bonas.deploy.estimators.schedule import Schedule
from bonas.errors import StorageUnavailable, StudyMismatch
from bonas.optuna_internals import storage_of
from bonas.result import SearchResult
from bonas.studies.attributes import StudyAttribute
from bonas.studies.storages.opening import Storage
from bonas.studies.study import load_study

SCHEDULE = StudyAttribute[Schedule](
    "bonas:schedule", "four whole numbers", Schedule.stored, Schedule.stored_value
)
"""The length of the trainings that an estimator chose for the speed of the first machine; a later
call takes the same, since values of other trainings are not comparable."""


def name_of_study(
    estimator: str,
    space: Mapping[str, Any],
    settings: Mapping[str, Any],
    seed: int,
    rows: Tensor,
    targets: npt.NDArray[Any],
) -> str:
    """Return a name that depends on every bit of the data, on the settings and on the seed."""
    digest = blake2b(digest_size=8)
    digest.update(json.dumps([space, settings, seed], default=repr, sort_keys=True).encode())
    for array in (rows.numpy(), targets):
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return f"{estimator}-{digest.hexdigest()}"


def stored_schedule(storage: Storage | None, name: str) -> Schedule | None:
    """Return the schedule of a stored study; None if there is none yet."""
    if storage is None:
        return None
    try:
        study, _ = load_study(storage, name)
    except (StorageUnavailable, StudyMismatch):  # there is none yet, or the search says why
        return None
    return SCHEDULE.read(study)


def without_storage(result: SearchResult) -> SearchResult:
    """Return a result whose study is in memory, so that it can be pickled and taken elsewhere."""
    memory, name = InMemoryStorage(), result.study.study_name
    optuna.copy_study(
        from_study_name=name, from_storage=storage_of(result.study), to_storage=memory
    )
    return replace(result, study=optuna.load_study(study_name=name, storage=memory))
