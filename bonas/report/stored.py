"""The report of a study by its storage and its name."""

from __future__ import annotations

from bonas.errors import InvalidArgument, StudyMismatch
from bonas.report.report import Report
from bonas.spaces import Space
from bonas.studies.lineage.description import (
    Description,
    differences,
    make_description,
    objectives_in,
)
from bonas.studies.lineage.origin import description_of
from bonas.studies.lineage.restored import restored_space
from bonas.studies.references import imported
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage
from bonas.studies.study import find_study


def stored_report(storage: Storage, study_name: str = "bonas", space: str | None = None) -> Report:
    """Return the report of a stored study, of whatever program; of a successor where there is one.

    Args:
        storage: Where it is.
        study_name: Its name.
        space: ``module:name`` of what was searched: a space, or a ``bonas.Search``. None takes a
            space of bonas as the study describes it.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if there is no such study, or it is that of another space.
        InvalidArgument: if there is no such space.
    """
    study = find_study(storage, study_name)
    description = description_of(study)
    if space is None:
        return Report.of(study, restored_space(description))
    found = named_space(space)
    if description is not None:
        _check_space(found, description, study.study_name)
    return Report.of(study, found)


def named_space(reference: str) -> Space:
    """Import the space ``module:name``: a space, a search, or a function that returns one.

    Raises:
        InvalidArgument: if there is none.
    """
    found = imported(reference, "a bonas.Space or a bonas.Search")
    if not isinstance(found, (Space, Search)) and callable(found):
        found = found()
    if isinstance(found, Search):
        return found.space
    if not isinstance(found, Space):
        raise InvalidArgument(
            f"expected {reference} to be or make a bonas.Space or a bonas.Search, got {found!r}"
        )
    return found


def _check_space(space: Space, stored: Description, name: str) -> None:
    """Check that a study was made for the space."""
    described = {**space.describe(), "evaluation": stored.get("evaluation", {})}
    wanted = make_description(described, objectives_in(stored))
    if differing := differences(stored, wanted):
        raise StudyMismatch(
            f"expected the space of the study {name!r}, got another one: {'; '.join(differing)}; "
            "give the space that it was made with"
        )
