"""Successors: studies that continue a search whose parameters got more options.

Optuna fixes a parameter's options for the life of a study. So when options are added, the search
goes on in a successor, to which the old study points. The successor gets copies of all trials, also
of those that are finished at the old study later; no further trial begins there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import pairwise

import optuna

from bonas.spaces import Space
from bonas.studies.attributes import ignored_in_study
from bonas.studies.budget import budget_of
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.copies import copy_all, is_valid_in
from bonas.studies.lineage.description import Description, added_options
from bonas.studies.lineage.measurements import copy_measurements
from bonas.studies.lineage.origin import (
    Origin,
    claim_first_free,
    description_of,
    load_sibling,
    numbered,
)
from bonas.studies.records import BUDGET, COPIED, SUCCESSOR, is_proposed

_logger = logging.getLogger(__name__)


def latest_successor(study: optuna.Study) -> optuna.Study:
    """Return the study in which the search goes on, with all trials of those before it."""
    line = list(lineage_of(study))
    for before, after in pairwise(line):
        _copy_to_successor(before, after)
    return line[-1]


def lineage_of(study: optuna.Study) -> Iterator[optuna.Study]:
    """Yield the study, its successor, the successor of that, and so on.

    A successor that came before is ignored: no search goes back.
    """
    seen = {study.study_name}
    yield study
    while (successor := _successor_of(study)) is not None:
        if successor.study_name in seen:
            what = f"{successor.study_name!r} is an earlier study"
            ignored_in_study(study, SUCCESSOR.key, what)
            return
        seen.add(successor.study_name)
        study = successor
        yield study


def open_successor(
    study: optuna.Study, wanted: Description, space: Space | None
) -> optuna.Study | None:
    """Return the successor with the options that were added, created if missing.

    None if anything but added options differs, or a proposal so far lacks a new parameter.
    """
    stored = description_of(study)
    added = None if stored is None else added_options(stored, wanted)
    if stored is None or added is None or not _are_still_whole(study, stored, wanted, space):
        return None
    own = study.study_name
    names = numbered(re.sub(r"\.v\d+$", "", own) + ".v")
    successor = claim_first_free(study, names, Origin(own, own, None, wanted))
    SUCCESSOR.write(study, successor.study_name)
    n = _copy_to_successor(study, successor)
    _logger.warning(
        "options were added (%s); the search goes on in the study %r, with all %d trials of %r",
        "; ".join(f"{name}: {options}" for name, options in added.items()) or "another order",
        successor.study_name,
        n,
        own,
    )
    return successor


def _successor_of(study: optuna.Study) -> optuna.Study | None:
    """Return the study that directly continues ``study``, if there is one."""
    name = SUCCESSOR.read(study)
    found = None if name is None else load_sibling(study, name)
    if found is None and name is not None:
        ignored_in_study(study, SUCCESSOR.key, f"there is no study {name!r:.200}")
    return found


def _copy_to_successor(study: optuna.Study, successor: optuna.Study) -> int:
    """End the study's workers and copy what they have evaluated; return how many trials."""
    if budget_of(study):
        BUDGET.write(study, 0)
    copies = copy_all(study, description_of(successor) or {})
    add_once(successor, copies, COPIED)
    copy_measurements(study, successor)
    return len(copies)


def _are_still_whole(
    study: optuna.Study, stored: Description, wanted: Description, space: Space | None
) -> bool:
    """Return whether all earlier proposals are valid although parameters may be new."""
    if stored["parameters"].keys() == wanted["parameters"].keys():
        return True
    known = list(filter(is_proposed, study.get_trials(deepcopy=False)))
    return space is not None and bool(known) and all(is_valid_in(trial, space) for trial in known)
