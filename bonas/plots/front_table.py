"""Text table of a front: one row per trial, objectives with their units, then the choices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial

from bonas.evaluation import Objective
from bonas.plots.choices import differing, folded, printable
from bonas.spaces import Space
from bonas.studies.constraints import Feasibility
from bonas.studies.proposing.front import finished

_WIDTH = 100  # characters of a line
_ABSENT = "-"  # of a network that does not have the parameter
_BELOW = 7  # indentation of choices below the values


def front_table(objectives: Sequence[Objective], front: Sequence[FrozenTrial]) -> str:
    """Return a table of at most 100 columns: trial, objectives, and the choices that differ.

    Those that all networks share are said once, above. Where there are too many columns, choices
    are written as ``name=value`` behind the objectives, without those that a network does not have.
    There is no trailing newline.
    """
    if not front:
        return "nothing was evaluated yet"
    every = parameter_names(front)
    unlike = {*(differing([trial.params for trial in front]) if len(front) > 1 else every)}
    names = [name for name in every if name in unlike]
    shared = {name: front[0].params[name] for name in every if name not in unlike}
    measured = _measured(objectives, front)
    lines = _in_columns(measured, names, front)
    if max(map(len, lines)) > _WIDTH:
        lines = _in_words(measured, names, front)
    lines.insert(1, "-" * min(max(map(len, lines)), _WIDTH))
    if shared:
        lines[:0] = [f"in each of the {len(front)} networks:", *_indented(shared, 2), ""]
    return "\n".join(lines)


def _measured(objectives: Sequence[Objective], front: Sequence[FrozenTrial]) -> list[str]:
    """Return the header and a line per trial, of the same length: its number and its values."""
    rows = [["trial", *map(_title, objectives)]]
    rows += [[str(trial.number), *(f"{value:.4g}" for value in trial.values)] for trial in front]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)) for row in rows]


def _title(objective: Objective) -> str:
    name, unit = printable(objective.name), printable(objective.unit)
    return f"{name} [{unit}]" if unit else name


def _in_columns(
    measured: Sequence[str], names: Sequence[str], front: Sequence[FrozenTrial]
) -> list[str]:
    """Return a column per parameter."""
    rows = [[printable(name) for name in names]]
    rows += [[printable(t.params.get(name, _ABSENT)) for name in names] for t in front]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = (map(str.ljust, row, widths) for row in rows)
    return ["  ".join((start, *own)).rstrip() for start, own in zip(measured, cells, strict=True)]


def _in_words(
    measured: Sequence[str], names: Sequence[str], front: Sequence[FrozenTrial]
) -> list[str]:
    """Return the choices of each trial behind its values, or below where these are many."""
    at = len(measured[0]) + 2
    is_beside = at <= _WIDTH // 2
    lines = [f"{measured[0]}  choices" if is_beside else measured[0]]
    for start, trial in zip(measured[1:], front, strict=True):
        own = {name: trial.params[name] for name in names if name in trial.params}
        below = _indented(own, at if is_beside else _BELOW)
        if is_beside and below:
            start, below = start + below[0][len(start) :], below[1:]
        lines += [start, *below]
    return lines


def _indented(choices: Mapping[str, Any], by: int) -> list[str]:
    """Return choices as lines that begin after ``by`` spaces."""
    return [" " * by + line for line in folded(choices, _WIDTH - by)]


def front_note(study: Study, space: Space | None = None) -> str:
    """Return a sentence about a search whose trials all violate constraints; empty for others."""
    feasibility, trials = Feasibility(study, space), finished(study, space)
    least = feasibility.least_violated(trials)
    if not feasibility.constraints or least is None or any(map(feasibility.is_feasible, trials)):
        return ""
    wanted = "; ".join(map(str, feasibility.constraints))
    values = ", ".join(
        f"{name} {'was not measured' if math.isnan(value) else f'{value:.4g}'}"
        for name, value in feasibility.values(least).items()
        if name in feasibility.violations(least)
    )
    return (
        f"no network keeps the constraints ({wanted}); the least violated is trial "
        f"{least.number}: {values or 'a constraint of another program'}"
    )


def parameter_names(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the parameters of all trials, each after those that it follows in its own trial."""
    names: dict[str, None] = {}
    for trial in trials:
        if not trial.params.keys() <= names.keys():
            names = _merged(list(names), list(trial.params))
    return list(names)


def _merged(names: list[str], more: list[str]) -> dict[str, None]:
    """Return both in order; names that only ``more`` has follow their predecessor there."""
    known, at = set(names), 0
    for name in more:
        if name in known:
            at = max(at, names.index(name) + 1)
        else:
            names.insert(at, name)
            at += 1
    return dict.fromkeys(names)
