"""Warm start: measurements of the same task become finished trials of the study.

They are data, not evaluations of this search: its budget does not count them. Measurements of
another task are no such data; they go in as ``bonas.studies.SourceTask``.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import NoneType
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.errors import BonasError, InvalidArgument, StudyMismatch
from bonas.optuna_internals import contains
from bonas.spaces import Space
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.description import incompatibilities, make_description
from bonas.studies.lineage.origin import description_of
from bonas.studies.records import KNOWN, SD, directions, names_of, values_of
from bonas.studies.search import Search
from bonas.studies.transfer.rows import (
    Frame,
    is_missing,
    is_pair,
    number_of,
    pair_of,
    plain,
    records_of,
)
from bonas.studies.transfer.source_task import SourceTask
from bonas.supernets import Supernet
from bonas.texts import RESERVED, objection, shown

_SCORED = 500  # networks whose scores a supernet gives a search

_logger = logging.getLogger(__name__)


def split_source_tasks(given: object) -> tuple[list[SourceTask], object]:
    """Return the source tasks in ``given``, and the rest, which is of the same task, or None.

    A trained supernet becomes the source task of its scores; None in a list is a supernet whose
    file is gone (``Supernet.load_if_exists``).

    >>> split_source_tasks(None), split_source_tasks([]), split_source_tasks([None])
    (([], None), ([], []), ([], None))
    """
    if isinstance(given, (SourceTask, Supernet)):
        return [_as_source_task(given)], None
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        return [], given
    sources = [item for item in given if isinstance(item, (SourceTask, Supernet))]
    if not sources and None not in given:
        return [], given
    rest = [item for item in given if not isinstance(item, (SourceTask, Supernet, NoneType))]
    return [_as_source_task(item) for item in sources], rest or None


def _as_source_task(given: SourceTask | Supernet) -> SourceTask:
    """Return a source task, that of a supernet made of its scores of many networks.

    Raises:
        InvalidArgument: if the supernet was not trained.
    """
    if isinstance(given, SourceTask):
        return given
    if given.training is None or not given.fits:
        raise InvalidArgument(
            "expected a supernet that was trained, got one that was not; call "
            "Supernet(space, training).fit() first, or Supernet.load(path, space, training)"
        )
    goal = given.training.objectives[0]
    scores = given.scores(_SCORED, progress=False)
    return SourceTask.of_scores("supernet", scores, objective=goal.name, direction=goal.direction)


def add_known(study: optuna.Study, search: Search, given: object) -> int:
    """Add measurements to the study, each one once; return how many were not there before.

    Args:
        study: The study of the search.
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
        _logger.warning("warm_start has no finished trial and no row; nothing was added")
    seen: Counter[str] = Counter()
    marked = {}
    for trial in trials:
        digest = _digest(trial)
        marked[f"{digest}-{seen[digest]}"] = trial  # the same measurement twice is two
        seen[digest] += 1
    return add_once(study, marked, KNOWN)


@dataclass(frozen=True)
class _Row:
    """One measured architecture.

    Attributes:
        params: A parameter's name -> its value; those outside the space have ``distributions``.
        values: A measurement's name -> its value, objectives and others.
        distributions: The distributions of parameters outside the space.
        attributes: The user attributes of the trial, for a row that was one.
    """

    params: Mapping[str, Any]
    values: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def trial(self, search: Search) -> FrozenTrial:
        """Return the row as a complete trial of the search.

        Raises:
            InvalidSpace: if the space has no such architecture.
            InvalidArgument: if a number is out of its range, an objective is missing, or a name
                cannot be stored.
        """
        names = [goal.name for goal in search.goals]
        missing = [name for name in names if name not in self.values]
        if missing:
            raise InvalidArgument(f"expected the objectives {names}, {missing} not among them")
        for name in self.values:
            if why := objection(name):
                raise InvalidArgument(f"a measurement cannot be named {shown(name)}: {why}")
        values = {name: _finite(name, value) for name, value in self.values.items()}
        params, distributions = self._parameters(search.space)
        others = {name: value for name, value in values.items() if name not in names}
        kept = {name: x for name, x in self.attributes.items() if objection(name) is None}
        return create_trial(
            values=[values[name] for name in names],
            params=params,
            distributions=distributions,
            user_attrs={**kept, **others},
        )

    def _parameters(self, space: Space) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """Return the parameters, choices as the space has them, and their distributions."""
        outside = {**self.distributions, **space.numeric}
        choices: dict[str, Any] = {}
        numbers: dict[str, Any] = {}
        for name, value in self.params.items():
            is_number = name in outside and name not in space.parameters
            (numbers if is_number else choices)[name] = plain(value)
        for name, distribution in space.numeric.items():
            if name not in numbers or not contains(distribution, numbers[name]):
                raise InvalidArgument(
                    f"expected a value of {name!r} within {distribution}, got {numbers.get(name)!r}"
                )
        chosen = space.architecture(choices).choices
        if not space.is_valid(chosen):
            raise InvalidArgument(f"{type(space).__name__} does not allow this combination")
        inside = {name: space.distributions[name] for name in chosen}
        return {**numbers, **chosen}, {**{name: outside[name] for name in numbers}, **inside}


def _rows(study: optuna.Study, search: Search, given: object) -> Iterator[_Row]:
    """Yield the rows of everything that was given."""
    earlier = _as_study(given)
    if earlier is not None:
        yield from _rows_of_study(study, search, earlier)
    elif isinstance(given, Frame):
        yield from _rows_of_table(search, given)
    elif isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        for item in given:
            yield from _rows_of_item(study, search, item)
    else:
        raise _not_understood(given)


def _rows_of_item(study: optuna.Study, search: Search, item: object) -> Iterator[_Row]:
    """Yield the rows of one item of a list."""
    earlier = _as_study(item)
    if earlier is not None:
        yield from _rows_of_study(study, search, earlier)
    elif is_pair(item):
        yield _Row(*item)
    else:
        raise _not_understood(item)


def _as_study(given: object) -> optuna.Study | None:
    """Return a study, or that of a ``SearchResult``; None for anything else."""
    study: object = getattr(given, "study", given)
    return study if isinstance(study, optuna.Study) else None


def _rows_of_study(study: optuna.Study, search: Search, earlier: optuna.Study) -> Iterator[_Row]:
    """Yield the complete trials of an earlier study; none if it is this one."""
    if _are_same(study, earlier):
        return
    names = _objectives_of(earlier, search)
    for trial in earlier.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        values = values_of(trial, len(names))
        if values is not None:
            others = {n: x for n, x in trial.user_attrs.items() if not n.startswith(RESERVED)}
            measured = dict(zip(names, values, strict=True))
            yield _Row(trial.params, measured, trial.distributions, others)


def _are_same(study: optuna.Study, other: optuna.Study) -> bool:
    """Return whether both are one study, though its storage may have been opened twice."""
    first = [s.get_trials(deepcopy=False)[:1] for s in (study, other)]
    began = [trial.datetime_start for trials in first for trial in trials]
    return study.study_name == other.study_name and len(began) == 2 and began[0] == began[1]


def _objectives_of(earlier: optuna.Study, search: Search) -> list[str]:
    """Return the names of an earlier study's values.

    Raises:
        StudyMismatch: if they were measured for something else.
    """
    stored = description_of(earlier)
    if stored is not None:
        description = make_description(search.describe(), search.goals)
        reasons = incompatibilities(stored, description, search.space.bounds)
        if reasons:
            raise StudyMismatch(
                f"warm_start: the study {earlier.study_name!r} is of another task: "
                f"{'; '.join(reasons)}. Its values are no data of this search; pass it as a "
                "source task, bonas.studies.SourceTask"
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


def _rows_of_table(search: Search, frame: Frame) -> Iterator[_Row]:
    """Yield one row per record; empty cells of parameters do not count."""
    records = records_of(frame)
    if records is None:
        raise _not_understood(frame)
    goals = [goal.name for goal in search.goals]
    for record in records:
        params, values = pair_of(record, {*goals, *(name + SD for name in goals)})
        yield _Row({n: x for n, x in params.items() if not _is_empty(search.space, n, x)}, values)


def _is_empty(space: Space, name: str, cell: object) -> bool:
    """Return whether a parameter of a conditional space does not apply in a row of a table."""
    return is_missing(cell) or (cell is None and None not in space.parameters.get(name, ()))


def _checked(rows: Sequence[_Row], search: Search) -> list[FrozenTrial]:
    """Return all rows as trials.

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


def _finite(name: str, value: object) -> float:
    number = number_of(value)
    if number is None or not math.isfinite(number):
        raise InvalidArgument(f"expected a finite number as {name!r}, got {value!r}")
    return number


def _digest(trial: FrozenTrial) -> str:
    """Return a digest of a trial's parameters and values."""
    text = json.dumps([sorted(trial.params.items()), trial.values])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _not_understood(given: object) -> InvalidArgument:
    return InvalidArgument(
        "warm_start must be a SearchResult or an optuna Study of the same task, a list of these, a "
        "list of pairs (choices, {objective: value}), or a table with to_dict('records'); got "
        f"{given!r}"
    )
