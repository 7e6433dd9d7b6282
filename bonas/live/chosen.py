"""Which studies of a storage are shown: those that are named, and their successors."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.storages import BaseStorage

from bonas.errors import StudyMismatch
from bonas.studies.lineage.successors import lineage_of
from bonas.studies.storages.opening import Storage, without_password


def chosen(storage: BaseStorage, names: Sequence[str]) -> list[str]:
    """Return the studies of these names and their successors, in the storage's order.

    Without a name these are all studies.
    """
    every = [study.study_name for study in storage.get_all_studies()]
    if not names:
        return every
    wanted = set[str]()
    for name in {*names} & {*every}:
        first = optuna.load_study(study_name=name, storage=storage)
        wanted |= {study.study_name for study in lineage_of(first)}
    return [name for name in every if name in wanted]


def check_names(storage: BaseStorage, names: Sequence[str], given: Storage) -> None:
    """Check that a storage, which the user calls ``given``, has one of the named studies.

    Raises:
        StudyMismatch: if it has none of them.
    """
    known = optuna.get_all_study_names(storage)
    if names and not {*names} & {*known}:
        raise StudyMismatch(
            f"there is no study {' or '.join(map(repr, names))} in {without_password(given)}; "
            f"there are {sorted(known)}"
        )
