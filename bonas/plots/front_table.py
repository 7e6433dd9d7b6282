"""Text table of a front: one row per trial, objectives with their units, then the parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optuna import Study
from optuna.trial import FrozenTrial

from bonas.evaluation import Objective
from bonas.spaces import Space
from bonas.studies.constraints import Feasibility
from bonas.studies.proposing.front import finished

_WIDEST = 32  # characters of a parameter's value


def front_table(objectives: Sequence[Objective], front: Sequence[FrozenTrial]) -> str:
    """Return columns trial, one per objective, one per parameter of any of these trials.

    A cell is empty if the network does not have the parameter. Columns are aligned; there is no
    trailing newline.
    """
    if not front:
        return "nothing was evaluated yet"
    names = parameter_names(front)
    rows = [["trial", *(str(o) for o in objectives), *names]]
    for trial in front:
        values = [f"{value:.4g}" for value in trial.values]
        own = [_cell(trial.params[n]) if n in trial.params else "" for n in names]
        rows.append([str(trial.number), *values, *own])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = 1 + len(objectives)
    lines = [
        "  ".join(
            cell.rjust(width) if i < numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


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


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
