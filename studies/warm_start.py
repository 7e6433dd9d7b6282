"""What is known of the same task before the search: rows that become finished trials of the study.

They are data, not evaluations of this search: its budget does not count them. What is known of
another task is no such data; it goes in as ``bonas.studies.Knowledge``.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import optuna
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import BonasError, InvalidArgument, StudyMismatch
from bonas.spaces import Space
from bonas.studies.attributes import names_of, values_of
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.description import incompatibilities, make_description
from bonas.studies.lineage.origin import description_of
from bonas.studies.proposing.observations import KNOWN, SD, directions
from bonas.studies.row import Row
from bonas.studies.search import Search
from bonas.studies.transfer.rows import is_pair, plain
from bonas.studies.transfer.source_task import Knowledge

_logger = logging.getLogger(__name__)


def parted(given: object) -> tuple[list[Knowledge], object]:
    """What is known of other tasks, and the rest, which is of the same; None where there is none.

    >>> parted(None), parted([])
    (([], None), ([], []))
    """
    if isinstance(given, Knowledge):
        return [given], None
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        return [], given
    others = [item for item in given if isinstance(item, Knowledge)]
    if not others:
        return [], given
    return others, [item for item in given if not isinstance(item, Knowledge)] or None


def add_known(study: optuna.Study, search: Search, given: object) -> int:
    """Add what is known to the study, each row once; how many were not there before.

    Args:
        study: The search's.
        search: What is searched and measured.
        given: A ``SearchResult`` or an Optuna study of the same task, or a list of these; a list of
            pairs (choices, a measurement's name -> its value); or a table with
            ``to_dict("records")``, such as a pandas ``DataFrame``, of parameters, objectives and,
            if it has them, their standard deviations ``<objective>_sd``.

    Raises:
        StudyMismatch: if an earlier study was made for another task.
        InvalidArgument: if ``given`` is something else, or rows do not fit the search; nothing is
            added then.
    """
    trials = _checked(list(_rows(study, search, given)), search)
    if not trials:
        _logger.warning("warm_start has no finished trial and no row; nothing was known before")
    seen: Counter[str] = Counter()
    marked = {}
    for trial in trials:
        digest = _digest(trial)
        marked[f"{digest}-{seen[digest]}"] = trial  # the same measurement twice is two
        seen[digest] += 1
    return add_once(study, marked, KNOWN)


def _rows(study: optuna.Study, search: Search, given: object) -> Iterator[Row]:
    """All rows of whatever is given."""
    earlier = _as_study(given)
    records = getattr(given, "to_dict", None)
    if earlier is not None:
        yield from _rows_of_study(study, search, earlier)
    elif callable(records):
        yield from _rows_of_table(search, records("records"))
    elif isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        for item in given:
            yield from _rows_of_item(study, search, item)
    else:
        raise _not_understood(given)


def _rows_of_item(study: optuna.Study, search: Search, item: object) -> Iterator[Row]:
    """Those of one member of a list."""
    earlier = _as_study(item)
    if earlier is not None:
        yield from _rows_of_study(study, search, earlier)
    elif is_pair(item):
        yield Row(*item)
    else:
        raise _not_understood(item)


def _as_study(given: object) -> optuna.Study | None:
    """A study, or that of a ``SearchResult``."""
    study: object = getattr(given, "study", given)
    return study if isinstance(study, optuna.Study) else None


def _rows_of_study(study: optuna.Study, search: Search, earlier: optuna.Study) -> Iterator[Row]:
    """The finished trials of an earlier study; none if it is this one."""
    if _are_same(study, earlier):
        return
    names = _objectives_of(earlier, search)
    for trial in earlier.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        values = values_of(trial, len(names))
        if values is not None:
            others = {n: x for n, x in trial.user_attrs.items() if not n.startswith("bonas:")}
            measured = dict(zip(names, values, strict=True))
            yield Row(trial.params, measured, trial.distributions, others)


def _are_same(study: optuna.Study, other: optuna.Study) -> bool:
    """Whether both are one study, though its storage may have been opened twice."""
    first = [s.get_trials(deepcopy=False)[:1] for s in (study, other)]
    began = [trial.datetime_start for trials in first for trial in trials]
    return study.study_name == other.study_name and len(began) == 2 and began[0] == began[1]


def _objectives_of(earlier: optuna.Study, search: Search) -> list[str]:
    """The names of an earlier study's values.

    Raises:
        StudyMismatch: if they were measured for something else.
    """
    stored = description_of(earlier)
    if stored is not None:
        reasons = incompatibilities(stored, make_description(search.describe(), search.goals))
        if reasons:
            raise StudyMismatch(
                f"warm_start: the study {earlier.study_name!r} is of another task: "
                f"{'; '.join(reasons)}. Its values are no data of this search; pass it as "
                "knowledge of another task, bonas.studies.Knowledge"
            )
        return list(stored["objectives"])
    if named := names_of(earlier):
        return named
    wanted = [goal.direction for goal in search.goals]
    if directions(earlier) != wanted:
        raise StudyMismatch(
            f"warm_start: the study {earlier.study_name!r} does not name its objectives, and has "
            f"the directions {directions(earlier)}, this search {wanted}; name them with "
            "set_metric_names"
        )
    return [goal.name for goal in search.goals]


def _rows_of_table(search: Search, records: object) -> Iterator[Row]:
    """A row a record; empty cells of parameters do not count."""
    if not isinstance(records, Sequence):
        raise _not_understood(records)
    goals = [goal.name for goal in search.goals]
    measurements = {*goals, *(name + SD for name in goals)}
    for record in records:
        cells = {name: plain(x) for name, x in record.items()}
        params = {name: x for name, x in cells.items() if name not in measurements}
        values = {name: cells[name] for name in measurements if name in cells}
        yield Row({n: x for n, x in params.items() if not _is_empty(search.space, n, x)}, values)


def _is_empty(space: Space, name: str, cell: object) -> bool:
    """Whether a parameter of a conditional space does not apply in a row of a table."""
    if isinstance(cell, float) and math.isnan(cell):
        return True
    return cell is None and None not in space.parameters.get(name, ())


def _checked(rows: Sequence[Row], search: Search) -> list[FrozenTrial]:
    """All rows as trials.

    Raises:
        InvalidArgument: if some do not fit, with their number and what is wrong with the first.
    """
    trials, problems = [], []
    for i, row in enumerate(rows):
        try:
            trials.append(row.trial(search))
        except BonasError as problem:
            problems.append((i, problem))
    if problems:
        i, error = problems[0]
        raise InvalidArgument(
            f"warm_start: {len(problems)} of {len(rows)} rows do not fit this search, and none was "
            f"added; the first is row {i}, {dict(rows[i].params)}: {error}"
        ) from error
    return trials


def _digest(trial: FrozenTrial) -> str:
    """Of what was measured of what."""
    text = json.dumps([sorted(trial.params.items()), trial.values])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _not_understood(given: object) -> InvalidArgument:
    return InvalidArgument(
        "warm_start must be a SearchResult or an optuna Study of the same task, a list of these, a "
        "list of pairs (choices, {objective: value}), or a table with to_dict('records'); got "
        f"{given!r}"
    )
