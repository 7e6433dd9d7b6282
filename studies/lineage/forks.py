"""Studies made out of earlier ones: with more options to choose from, or for another task.

Optuna keeps a parameter's options for the life of a study. So when options are added, the search
goes on in a successor, to which the old study points. It takes over all trials, also those that are
finished at the old one later; nothing more is begun there. A fork is made when a search differs
otherwise, if the user wants one; it takes over the trials whose values hold for it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from itertools import count, pairwise

import optuna

from bonas.spaces import Space
from bonas.studies.attributes import ignored_in_study
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.copies import COPIED, copy_all, copy_comparable, is_valid_in
from bonas.studies.lineage.description import (
    Description,
    added_options,
    differences,
    incompatibilities,
)
from bonas.studies.lineage.networks import changed_trials
from bonas.studies.lineage.origin import (
    SUCCESSOR,
    Origin,
    claim_study,
    copy_attributes,
    description_of,
    load_sibling,
)
from bonas.studies.proposal import is_proposed
from bonas.studies.running.trials import BUDGET

_logger = logging.getLogger(__name__)


def latest_successor(study: optuna.Study) -> optuna.Study:
    """The study in which the search goes on, with all that was evaluated before."""
    line = list(lineage_of(study))
    for before, after in pairwise(line):
        _hand_over(before, after)
    return line[-1]


def lineage_of(study: optuna.Study) -> Iterator[optuna.Study]:
    """The study, the one that took over, the one that took over from that, and so on.

    One that came before ends it: no search goes back.
    """
    seen = {study.study_name}
    yield study
    while (successor := _successor_of(study)) is not None:
        if successor.study_name in seen:
            what = f"{successor.study_name!r} is an earlier study"
            ignored_in_study(study, SUCCESSOR, what)
            return
        seen.add(successor.study_name)
        study = successor
        yield study


def _successor_of(study: optuna.Study) -> optuna.Study | None:
    """The study that took over, if there is one."""
    name: object = study.user_attrs.get(SUCCESSOR)
    found = load_sibling(study, name) if isinstance(name, str) else None
    if found is None and name is not None:
        ignored_in_study(study, SUCCESSOR, f"there is no study {name!r:.200}")
    return found


def complete_fork(study: optuna.Study, space: Space | None) -> optuna.Study:
    """The study, with all that belongs to it if whoever forked it died on the way."""
    origin = Origin.of(study)
    source = None if origin is None else load_sibling(study, origin.study)
    if origin is not None and source is not None:
        copy_attributes(study, source, origin)
        if origin.is_fork:
            _inherit(study, source, origin, space)
    return study


def open_successor(
    study: optuna.Study, wanted: Description, space: Space | None
) -> optuna.Study | None:
    """The successor of a study to which options were added; None if anything else differs."""
    stored = description_of(study)
    added = None if stored is None else added_options(stored, wanted)
    if stored is None or added is None or not _still_whole(study, stored, wanted, space):
        return None
    own = study.study_name
    origin = Origin(own, own, None, wanted)
    successor = _claim_first_free(study, _names(re.sub(r"\.v\d+$", "", own) + ".v"), origin)
    study.set_user_attr(SUCCESSOR, successor.study_name)
    n = _hand_over(study, successor)
    _logger.warning(
        "options were added (%s); the search goes on in the study %r, with all %d trials of %r",
        "; ".join(f"{name}: {options}" for name, options in added.items()) or "another order",
        successor.study_name,
        n,
        own,
    )
    return successor


def network_changes(study: optuna.Study, space: Space | None) -> str | None:
    """Say which choices of a study stand for other networks now; None if none do."""
    found = changed_trials(study.get_trials(deepcopy=False), space)
    if not found:
        return None
    first, n = found[0], len(found)
    return (
        f"what builds the networks has changed: of trial {first.number}"
        + (f" and {n - 1} other(s)" if n > 1 else "")
        + f" the choices {first.params} stand for another network now"
    )


def open_fork(
    study: optuna.Study,
    wanted: Description,
    space: Space | None,
    root: str,
    differing: Sequence[str],
) -> optuna.Study:
    """The fork of ``study`` that is for ``wanted``, found again or made; ``root`` names it.

    ``differing`` says why the study itself is not.
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
    names = (name for name in _names(f"{root}-") if name not in stale)
    return _new_fork(study, wanted, space, root, names, differing)


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
    fork = _claim_first_free(study, names, origin)
    n = _inherit(fork, study, Origin.of(fork) or origin, space)
    reasons = incompatibilities(stored, wanted)
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
    """All that there are of the study that the user named, the oldest first."""
    pattern = re.compile(re.escape(root) + r"-(\d+)")
    names = {name: pattern.fullmatch(name) for name in optuna.get_all_study_names(study._storage)}
    numbers = {name: int(match[1]) for name, match in names.items() if match is not None}
    for name in sorted(numbers, key=numbers.__getitem__):
        fork = load_sibling(study, name)
        origin = None if fork is None else Origin.of(fork)
        if fork is not None and origin is not None and origin.is_fork and origin.root == root:
            yield fork


def _names(stem: str) -> Iterator[str]:
    return (f"{stem}{n}" for n in count(2))


def _claim_first_free(study: optuna.Study, names: Iterator[str], origin: Origin) -> optuna.Study:
    claims = (claim_study(study, name, origin) for name in names)
    return next(claim for claim in claims if claim is not None)


def _inherit(fork: optuna.Study, source: optuna.Study, origin: Origin, space: Space | None) -> int:
    """Bring over what holds for the fork; how many trials that are."""
    copies = copy_comparable(
        source, description_of(source) or {}, origin.description, space, origin.trials or 0
    )
    add_once(fork, copies, COPIED)
    return len(copies)


def _hand_over(study: optuna.Study, successor: optuna.Study) -> int:
    """Let the study's workers end, and bring over what they have evaluated; how many trials."""
    if study.user_attrs.get(BUDGET):
        study.set_user_attr(BUDGET, 0)
    copies = copy_all(study, description_of(successor) or {})
    add_once(successor, copies, COPIED)
    return len(copies)


def _still_whole(
    study: optuna.Study, stored: Description, wanted: Description, space: Space | None
) -> bool:
    """Whether what was proposed before is a whole combination still, if parameters came too."""
    if stored["parameters"].keys() == wanted["parameters"].keys():
        return True
    known = list(filter(is_proposed, study.get_trials(deepcopy=False)))
    return space is not None and bool(known) and all(is_valid_in(trial, space) for trial in known)
