"""The spaces of the studies that are shown: without them, no network could be drawn."""

from __future__ import annotations

import json

from optuna import Study

from bonas.spaces import Space
from bonas.studies.lineage.description import (
    Description,
    differences,
    make_description,
    objectives_in,
)
from bonas.studies.lineage.origin import description_of
from bonas.studies.lineage.restored import restored_space


class KnownSpaces:
    """Finds the space of a study, and keeps it with what it has computed.

    Args:
        given: The user's own space, for the studies that were made for it.
    """

    def __init__(self, given: Space | None = None) -> None:
        self._given = given
        self._found: dict[str, Space | None] = {}  # by the text of a description

    def of(self, study: Study) -> Space | None:
        """Return what was searched, as the study describes it; None if that is not known."""
        description = description_of(study)
        if description is None:
            return None
        text = json.dumps(description, sort_keys=True)
        if text not in self._found:
            is_given = self._given is not None and _is_for(self._given, description)
            self._found[text] = self._given if is_given else restored_space(description)
        return self._found[text]


def _is_for(space: Space, stored: Description) -> bool:
    described = {**space.describe(), "evaluation": stored.get("evaluation", {})}
    return not differences(stored, make_description(described, objectives_in(stored)))
