"""The stored result of a search, read without searching on."""

from __future__ import annotations

from bonas.errors import StudyMismatch
from bonas.result import SearchResult
from bonas.studies.lineage.description import differences, make_description
from bonas.studies.lineage.origin import objectives_of
from bonas.studies.records import DESCRIPTION
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage
from bonas.studies.study import load_study


def stored_result(search: Search, storage: Storage, study_name: str = "bonas") -> SearchResult:
    """Return the result of a search so far.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if there is no such study, or it is that of another search.
    """
    study, _ = load_study(storage, study_name)
    wanted = make_description(search.describe(), search.goals)
    if differing := differences(DESCRIPTION.read(study) or {}, wanted):
        raise StudyMismatch(
            f"expected the study {study.study_name!r} to be that of the search, but it was made "
            f"for something else: {'; '.join(differing)}; give the search that it was made by"
        )
    goals = objectives_of(study, search.goals)
    return SearchResult(study, search.space, goals, search.evaluator)
