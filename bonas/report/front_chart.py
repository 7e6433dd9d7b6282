"""The chart of a front: cost to the right, gain up, the line of what is attained.

The line is the boundary of what the front dominates: from each of its points a network at most as
good is attained, so that a linear interpolation between two of them would promise too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from bonas.evaluation import Objective
from bonas.plots.scale import scale_of
from bonas.report.charts import Axis, Chart, Line, Points
from bonas.report.charts.layers.layer import Layer
from bonas.report.counted import counted
from bonas.report.markup import shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.values import value_text

_LONGEST = 40  # characters of an objective's name in a chart
_WIDE, _HIGH = 620.0, 400.0
_SMALL, _LOW = 380.0, 280.0


def front_charts(searched: Searched) -> list[Chart]:
    """Return one chart per pair of objectives; for one objective, its value after each trial."""
    if len(searched.objectives) == 1:
        return [_progress(searched, searched.objectives[0])]
    pairs = [ordered_pair(*pair) for pair in combinations(searched.objectives, 2)]
    return [_pair(searched, across, up) for across, up in pairs]


def without_names(chart: Chart) -> Chart:
    """Return the chart with points that a script names, which has all values of the trials."""
    layers = [replace(x, names=()) if isinstance(x, Points) else x for x in chart.layers]
    return replace(chart, layers=layers)


def ordered_pair(first: Objective, second: Objective) -> tuple[Objective, Objective]:
    """Return which of two objectives goes to the right, and which up.

    Costs go to the right and gains up; of two costs or two gains, the second goes to the right.
    """
    if first.direction == "minimize" and second.direction == "maximize":
        return first, second
    return second, first


def value_axis(searched: Searched, objective: Objective) -> Axis:
    """Return the axis of an objective's values."""
    scale = scale_of(trial.values[objective.name] for trial in searched.finished)
    return Axis(shortened(objective.name, _LONGEST), objective.unit, scale)


def spread(trials: Sequence[SearchedTrial], objective: Objective) -> list[float]:
    """Return the standard deviation of each value, NaN where there is none; empty without any."""
    found = [trial.sds.get(objective.name, math.nan) for trial in trials]
    return [] if all(map(math.isnan, found)) else found


def _pair(searched: Searched, across: Objective, up: Objective) -> Chart:
    is_alone = len(searched.objectives) == 2
    layers: list[Layer] = []
    on_front = {trial.number for trial in searched.front}
    others = [trial for trial in searched.feasible if trial.number not in on_front]
    layers.append(_points(others, across, up, "evaluated", "dominated"))
    layers.append(_points(_hollow(searched), across, up, "infeasible", "violates a constraint"))
    front = sorted(
        searched.front,
        key=lambda t: t.values[across.name],
        reverse=across.direction == "maximize",  # the best first: its line goes to the next worse
    )
    if is_alone and len(front) > 1:
        xs = [trial.values[across.name] for trial in front]
        ys = [trial.values[up.name] for trial in front]
        layers.append(Line(xs, ys, "front", steps=True))
    layers.append(_points(front, across, up, "front", "front", keep=True))
    name = shortened(across.name, _LONGEST), shortened(up.name, _LONGEST)
    return Chart(
        f"{name[1]} against {name[0]}",
        value_axis(searched, across),
        value_axis(searched, up),
        [layer for layer in layers if len(layer)],
        _described(searched, across, up),
        width=_WIDE if is_alone else _SMALL,
        height=_HIGH if is_alone else _LOW,
    )


def _points(
    trials: Sequence[SearchedTrial],
    across: Objective,
    up: Objective,
    series: str,
    label: str,
    *,
    keep: bool = False,
) -> Points:
    return Points(
        [trial.values[across.name] for trial in trials],
        [trial.values[up.name] for trial in trials],
        series,
        f"{label} ({len(trials):,})",
        trials=[trial.number for trial in trials],
        names=[_named(trial, up, across) for trial in trials],
        x_errors=spread(trials, across),
        y_errors=spread(trials, up),
        always=range(len(trials)) if keep else (),
    )


def _progress(searched: Searched, objective: Objective) -> Chart:
    """Return values in the order of evaluation, and the best so far."""
    order = {trial.number: place for place, trial in enumerate(searched.finished, start=1)}
    choose = max if objective.direction == "maximize" else min
    steps: list[tuple[int, float]] = []
    for trial in searched.feasible:
        value = trial.values[objective.name]
        best = choose(steps[-1][1], value) if steps else value
        steps.append((order[trial.number], best))
    best_now = {trial.number for trial in searched.front}
    parts = [
        ([t for t in searched.feasible if t.number not in best_now], "evaluated", "evaluated"),
        (
            [t for t in searched.finished if not t.is_feasible],
            "infeasible",
            "violates a constraint",
        ),
        ([t for t in searched.feasible if t.number in best_now], "front", "best"),
    ]
    layers: list[Layer] = [
        Line(
            [float(x) for x, _ in steps], [y for _, y in steps], "front", "best so far", steps=True
        )
    ]
    for trials, series, label in parts:
        points = Points(
            [float(order[trial.number]) for trial in trials],
            [trial.values[objective.name] for trial in trials],
            series,
            f"{label} ({len(trials):,})",
            trials=[trial.number for trial in trials],
            names=[_named(trial, objective) for trial in trials],
            y_errors=spread(trials, objective),
            always=range(len(trials)) if series == "front" else (),
        )
        layers.append(points)
    name = shortened(objective.name, _LONGEST)
    way = "higher" if objective.direction == "maximize" else "lower"
    return Chart(
        f"{name}, {way} is better",
        Axis("evaluation", whole=True),
        value_axis(searched, objective),
        [layer for layer in layers if len(layer)],
        f"{counted(len(searched.finished), 'value')} in the order of evaluation.",
        width=_WIDE,
        height=_HIGH,
    )


def _hollow(searched: Searched) -> list[SearchedTrial]:
    """Return the finished trials that violate a constraint."""
    return [trial for trial in searched.finished if not trial.is_feasible]


def _named(trial: SearchedTrial, *objectives: Objective) -> str:
    parts = (f"{shortened(o.name, _LONGEST)} {value_text(trial, o)}" for o in objectives)
    return f"trial {trial.number}: {', '.join(parts)}"


def _described(searched: Searched, across: Objective, up: Objective) -> str:
    """Return what is to be seen, for people who do not see it."""
    if not searched.front:
        return "No network is on the front."
    ends = [searched.best(objective) for objective in (across, up)]
    lowest, highest = (_named(trial, up, across) for trial in ends if trial is not None)
    n = counted(len(searched.front), "network")
    return f"{n} on the front, from {lowest} to {highest}."
