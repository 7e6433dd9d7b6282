"""Forks: studies that continue a search for another task, if the user wants that.

A fork gets copies of the trials whose values hold for its own task.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

import optuna

from bonas.optuna_internals import storage_of
from bonas.spaces import Space
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.copies import copy_comparable
from bonas.studies.lineage.description import Description, differences, incompatibilities
from bonas.studies.lineage.measurements import copy_comparable_measurements
from bonas.studies.lineage.networks import network_changes
from bonas.studies.lineage.origin import (
    Origin,
    claim_first_free,
    complete_attributes,
    description_of,
    load_sibling,
    numbered,
)
from bonas.studies.lineage.successors import latest_successor, open_successor
from bonas.studies.records import COPIED

_logger = logging.getLogger(__name__)


def open_fork(
    study: optuna.Study,
    wanted: Description,
    space: Space | None,
    root: str,
    differing: Sequence[str],
) -> optuna.Study:
    """Return the fork of ``study`` for ``wanted``, created if missing.

    Args:
        study: The study that is for something else.
        wanted: What the fork is for.
        space: What is searched.
        root: The name of the study that the user gave; forks are named after it.
        differing: In which ways ``study`` is for something else, for the log.
    """
    known = {fork.study_name: latest_successor(fork) for fork in _forks(study, root)}
    stale = {name for name, fork in known.items() if network_changes(fork, space)}
    forks = [fork for name, fork in known.items() if name not in stale]
    for fork in forks:
        if not differences(description_of(fork) or {}, wanted):
            _logger.warning("the search goes on in the study %r", fork.study_name)
            return complete_fork(fork, space)
    for fork in forks:
        successor = open_successor(complete_fork(fork, space), wanted, space)
        if successor is not None:
            return successor
    names = (name for name in numbered(f"{root}-") if name not in stale)
    return _new_fork(study, wanted, space, root, names, differing)


def complete_fork(study: optuna.Study, space: Space | None) -> optuna.Study:
    """Return the study, with what a process that died while it forked it left out."""
    origin = Origin.of(study)
    source = None if origin is None else load_sibling(study, origin.study)
    if origin is not None and source is not None:
        complete_attributes(study, source, origin)
        if origin.is_fork:
            _copy_to_fork(study, source, origin, space)
    return study


def _new_fork(
    study: optuna.Study,
    wanted: Description,
    space: Space | None,
    root: str,
    names: Iterator[str],
    differing: Sequence[str],
) -> optuna.Study:
    stored = description_of(study) or {}
    total = len(study.get_trials(deepcopy=False))
    origin = Origin(root, study.study_name, total, wanted)
    fork = claim_first_free(study, names, origin)
    n = _copy_to_fork(fork, study, Origin.of(fork) or origin, space)
    reasons = incompatibilities(stored, wanted, () if space is None else space.bounds)
    _logger.warning(
        "the study %r was made for something else: %s. The search goes on in its fork %r, which "
        "has %d of its %d trials%s",
        study.study_name,
        "; ".join(differing),
        fork.study_name,
        n,
        total,
        f", for their values cannot be compared ({'; '.join(reasons)})" if reasons else "",
    )
    return fork


def _forks(study: optuna.Study, root: str) -> Iterator[optuna.Study]:
    """Yield all forks of the study ``root``, the oldest first."""
    pattern = re.compile(re.escape(root) + r"-(\d+)")
    names = optuna.get_all_study_names(storage_of(study))
    matches = {name: pattern.fullmatch(name) for name in names}
    numbers = {name: int(match[1]) for name, match in matches.items() if match is not None}
    for name in sorted(numbers, key=numbers.__getitem__):
        fork = load_sibling(study, name)
        origin = None if fork is None else Origin.of(fork)
        if fork is not None and origin is not None and origin.is_fork and origin.root == root:
            yield fork


def _copy_to_fork(
    fork: optuna.Study, source: optuna.Study, origin: Origin, space: Space | None
) -> int:
    """Copy the trials whose values hold for the fork; return how many these are."""
    stored, wanted = description_of(source) or {}, origin.description
    copies = copy_comparable(source, stored, wanted, space, origin.trials or 0)
    add_once(fork, copies, COPIED)
    copy_comparable_measurements(source, fork, stored, wanted, space)
    return len(copies)
