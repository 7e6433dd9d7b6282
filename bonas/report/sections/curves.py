"""Learning curves: a small chart per measured quantity, the front on top of some of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bonas.evaluation.curve import Curve, curve_names, lists_of
from bonas.evaluation.measurement import Measurement
from bonas.report.charts import Axis, Chart, Line, grid
from bonas.report.counted import counted
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section

_NAMES = 8  # of quantities
_FRONT, _OTHERS = 16, 32  # lines of a chart
_READ = 300  # trials whose measurements are parsed
_DRAWN = 1_500  # points of a chart
_LONGEST = 40  # characters of a name
_Item = TypeVar("_Item")

_LABELS = {
    "evaluated": "evaluated",
    "stopped": "stopped or pruned",
    "failed": "failed",
    "front": "front",
}


@dataclass(frozen=True)
class _Training:
    """A trial with curves, and the look of its lines."""

    trial: SearchedTrial
    measurements: tuple[Measurement, ...]
    series: str


def section(searched: Searched) -> Section | None:
    """Return the learning curves; None where no trial has one."""
    stored = [t for t in searched.trials if lists_of(t.frozen) or t.frozen.intermediate_values]
    trainings = _read(searched, stored)
    found = list(dict.fromkeys(name for t in trainings for name in curve_names(t.measurements)))
    if not found:
        return None
    units = {objective.name: objective.unit for objective in searched.objectives}
    names = sorted(found, key=lambda name: name not in units)[:_NAMES]
    drawn = _chosen(trainings)
    front = "front" if len(searched.objectives) > 1 else "best"
    charts = [_chart(name, units.get(name, ""), drawn, front) for name in names]
    total = len(stored) if len(stored) > _READ else len(trainings)
    body = f"<p>{escaped(_words(drawn, total, front))}</p>{grid(charts, small=True)}"
    if len(found) > len(names):
        left = counted(len(found) - len(names), "more quantity", "more quantities")
        body += f'<p class="muted">{left} measured over steps not shown.</p>'
    return Section("curves", "Learning curves", body)


def _read(searched: Searched, stored: Sequence[SearchedTrial]) -> list[_Training]:
    """Return trials with curves: all of the front, and of many others an even sample."""
    front = {trial.number for trial in searched.front}
    others = _evenly([t for t in stored if t.number not in front], _READ)
    trials = [*(t for t in stored if t.number in front), *others]
    found = []
    for trial in sorted(trials, key=lambda t: t.number):
        measured = trial.measurements or _reported(trial, searched)
        if curve_names(measured):
            series = "front" if trial.number in front else _series(trial)
            found.append(_Training(trial, measured, series))
    return found


def _reported(trial: SearchedTrial, searched: Searched) -> tuple[Measurement, ...]:
    """Return what an evaluation of another program has reported to Optuna's pruners."""
    names = [objective.name for objective in searched.objectives]
    name = names[0] if len(names) == 1 else "reported value"
    values = sorted(trial.frozen.intermediate_values.items())
    return tuple(Measurement({name: value}, step) for step, value in values)


def _series(trial: SearchedTrial) -> str:
    if trial.outcome in ("pruned", "stopped"):
        return "stopped"
    return "failed" if trial.outcome in ("failed", "not_finite", "released") else "evaluated"


def _chosen(trainings: Sequence[_Training]) -> list[_Training]:
    """Return those that are drawn, the front last."""
    front = [t for t in trainings if t.series == "front"]
    others = _evenly([t for t in trainings if t.series != "front"], _OTHERS)
    return [*others, *_evenly(front, _FRONT)]


def _evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """Return at most so many of the items, evenly spread over their order."""
    if len(items) <= most:
        return list(items)
    rows = np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))
    return [items[row] for row in rows]


def _chart(name: str, unit: str, trainings: Sequence[_Training], front: str) -> Chart:
    labels = {**_LABELS, "front": front}
    lines, labelled = [], set[str]()
    for training in trainings:
        curve = Curve.of(training.measurements, name)
        if not len(curve):
            continue
        label = "" if training.series in labelled else labels[training.series]
        labelled.add(training.series)
        number = training.trial.number
        steps = [float(step) for step in curve.steps]
        lines.append(
            Line(
                steps,
                curve.values,
                training.series,
                label,
                trial=number,
                name=f"trial {number}: {labels[training.series]}",
            )
        )
    shown = shortened(name.replace("_", " "), _LONGEST)
    return Chart(
        shown,
        Axis("step", whole=True),
        Axis(shown, unit),
        lines,
        f"{counted(len(lines), 'curve')}.",
        width=380.0,
        height=250.0,
        most=_DRAWN,
    )


def _words(drawn: Sequence[_Training], total: int, best: str) -> str:
    front = sum(t.series == "front" for t in drawn)
    cut = sum(t.series == "stopped" for t in drawn)
    parts = ["Each line is a training, and where one flattens, longer training would not help."]
    if front:
        whose = "on the front" if best == "front" else "with the best value"
        parts.append(f"{counted(front, 'line is', 'lines are')} of networks {whose}.")
    if cut:
        parts.append(f"{counted(cut, 'dashed one was', 'dashed ones were')} stopped or pruned.")
    if len(drawn) < total:
        parts.append(f"{len(drawn):,} of {total:,} trainings are drawn, evenly over the search.")
    return " ".join(parts)
