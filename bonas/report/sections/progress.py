"""Progress: hypervolume and best values over the evaluations and over wall time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bonas.evaluation.objective import Objective, oriented
from bonas.plots.scale import scale_of
from bonas.report.charts import (
    Axis,
    Chart,
    Layer,
    Line,
    Points,
    Rug,
    folded,
    grid,
    short,
    time_unit,
    with_unit,
)
from bonas.report.charts.axis import is_drawable
from bonas.report.counted import counted
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section
from bonas.report.statistics.hypervolume import Hypervolume
from bonas.report.timeline import Timeline

_NEARLY = 0.95  # of the final hypervolume
_DRAWN = 500  # points of a chart
_LONGEST = 40  # characters of an objective's name
_CUT_OFF = ("pruned", "stopped")


@dataclass(frozen=True)
class _View:
    """What stands on x: evaluations, or wall time."""

    axis: Axis
    place: Callable[[SearchedTrial], float]
    end: float
    is_linked: bool  # whether points say which trials they are


def section(searched: Searched) -> Section | None:
    """Return how the search went; None where no evaluation has ended."""
    timeline = Timeline.of(searched)
    if not timeline.trials:
        return None
    feasible = [t for t in timeline.trials if t.has_values and t.is_member and t.is_feasible]
    volume = _volume(searched, feasible)
    sentences = [_improvement(searched, timeline, feasible), _of_volume(volume, timeline, feasible)]
    lead = escaped(" ".join(filter(None, [*sentences, _losses(timeline)])))
    views = [_evaluations(timeline), *_wall_time(timeline)]
    shown = [grid(_charts(searched, timeline, feasible, volume, view)) for view in views]
    over_time = "".join(folded("The same over wall time", each) for each in shown[1:])
    note = f'<p class="muted">{escaped(_reference(searched, volume))}</p>' if volume else ""
    return Section("progress", "Progress", f"<p>{lead}</p>{shown[0]}{note}{over_time}")


def _evaluations(timeline: Timeline) -> _View:
    axis = Axis("evaluations", low=0.0, whole=True)
    return _View(
        axis, lambda trial: float(timeline.evaluations[trial.number]), float(timeline.n), True
    )


def _wall_time(timeline: Timeline) -> list[_View]:
    """Return the view over time; none where the trials do not say when they ended."""
    end = max(timeline.seconds.values(), default=0.0)
    if end <= 0:
        return []
    size, unit = time_unit(end)

    def place(trial: SearchedTrial) -> float:
        return timeline.seconds.get(trial.number, np.nan) / size

    return [
        _View(Axis("time since the first trial began", unit, low=0.0), place, end / size, False)
    ]


def _volume(searched: Searched, feasible: Sequence[SearchedTrial]) -> Hypervolume | None:
    if len(searched.objectives) < 2 or not feasible:
        return None
    values = [[trial.values[o.name] for o in searched.objectives] for trial in feasible]
    return Hypervolume.of(oriented(values, searched.directions))


def _improvement(searched: Searched, timeline: Timeline, feasible: Sequence[SearchedTrial]) -> str:
    """Return how long ago an objective improved."""
    if not feasible:
        return "No network with a value for each objective keeps the constraints yet."
    parts = []
    for objective in searched.objectives:
        trial = _steps(objective, feasible)[-1]
        name, value = shortened(objective.name, _LONGEST), trial.values[objective.name]
        at = timeline.evaluations[trial.number]
        when = f"since evaluation {at:,}" if at else "known before the search"
        parts.append(f"{name} {with_unit(value, objective.unit)} ({when})")
    return f"Best so far, of {counted(timeline.n, 'evaluation')}: {'; '.join(parts)}."


def _of_volume(
    volume: Hypervolume | None, timeline: Timeline, feasible: Sequence[SearchedTrial]
) -> str:
    if volume is None or volume.shares[-1] <= 0:
        return ""
    at = int(np.argmax(volume.shares >= _NEARLY * volume.shares[-1]))
    n = timeline.evaluations[feasible[at].number]
    return (
        f"{100 * _NEARLY:.0f} % of the final hypervolume was reached after "
        f"{counted(n, 'evaluation')}: where the curve is flat, more have brought little."
    )


def _losses(timeline: Timeline) -> str:
    outcomes = [trial.outcome for trial in timeline.trials]
    failed, cut_off = outcomes.count("failed"), sum(o in _CUT_OFF for o in outcomes)
    parts = [f"{failed:,} failed"] if failed else []
    parts += [f"{cut_off:,} were stopped or pruned"] if cut_off else []
    return f"Ticks at the bottom: {' and '.join(parts)}." if parts else ""


def _reference(searched: Searched, volume: Hypervolume) -> str:
    """Return what the hypervolume is measured against, in the units of the objectives."""
    corners = [
        ", ".join(
            f"{shortened(o.name, _LONGEST)} {with_unit(float(value), o.unit)}"
            for o, value in zip(searched.objectives, corner, strict=True)
        )
        for corner in (
            oriented(point, searched.directions)[0] for point in (volume.reference, volume.ideal)
        )
    ]
    text = (
        "Hypervolume: the share of the box between the reference point "
        f"({corners[0]}) and the best values ({corners[1]}) that some evaluated network dominates."
    )
    if volume.standard_error:
        text += f" Estimated by sampling, with a standard error of {volume.standard_error:.1%}."
    return text


def _charts(
    searched: Searched,
    timeline: Timeline,
    feasible: Sequence[SearchedTrial],
    volume: Hypervolume | None,
    view: _View,
) -> list[Chart]:
    charts = [] if volume is None else [_volume_chart(volume, timeline, feasible, view)]
    return charts + [_best_chart(o, timeline, feasible, view) for o in searched.objectives]


def _volume_chart(
    volume: Hypervolume, timeline: Timeline, feasible: Sequence[SearchedTrial], view: _View
) -> Chart:
    xs = [*map(view.place, feasible), view.end]
    ys = [100 * float(share) for share in (*volume.shares, volume.shares[-1])]
    return Chart(
        "Hypervolume, higher is better",
        view.axis,
        Axis("share of the box", "%", low=0.0, high=100.0),
        [Line(*_changes(xs, ys), "series-1", steps=True), *_rugs(timeline, view)],
        f"It rises from {short(ys[0], 3)} % to {short(ys[-1], 3)} %.",
        most=_DRAWN,
    )


def _best_chart(
    objective: Objective, timeline: Timeline, feasible: Sequence[SearchedTrial], view: _View
) -> Chart:
    name = shortened(objective.name, _LONGEST)
    finished = [t for t in timeline.trials if t.has_values and t.is_member]
    values = [t.values[objective.name] for t in finished]
    best = _steps(objective, feasible)
    low, high = _usual(values, [t.values[objective.name] for t in best])
    inside = [t for t in finished if low <= t.values[objective.name] <= high]
    hidden = len(finished) - len(inside)
    xs = [*map(view.place, feasible), *([view.end] if best else [])]
    ys = [t.values[objective.name] for t in (*best, *best[-1:])]
    layers: list[Layer] = [
        _points(objective, [t for t in inside if t.is_feasible], view, "evaluated", "evaluated"),
        _points(
            objective,
            [t for t in inside if not t.is_feasible],
            view,
            "infeasible",
            "violates a constraint",
        ),
        Line(*_changes(xs, ys), "front", "best so far", steps=True),
        *_rugs(timeline, view),
    ]
    way = "higher" if objective.direction == "maximize" else "lower"
    left_out = f"; {hidden:,} far off not shown" if hidden else ""
    return Chart(
        f"{name}, {way} is better{left_out}",
        view.axis,
        Axis(name, objective.unit, scale_of(values)),
        [layer for layer in layers if len(layer)],
        f"The best value goes from {short(ys[0])} to {short(ys[-1])}." if ys else "",
        most=_DRAWN,
    )


def _points(
    objective: Objective, trials: Sequence[SearchedTrial], view: _View, series: str, label: str
) -> Points:
    return Points(
        [view.place(trial) for trial in trials],
        [trial.values[objective.name] for trial in trials],
        series,
        label,
        trials=[trial.number for trial in trials] if view.is_linked else (),
    )


def _rugs(timeline: Timeline, view: _View) -> list[Layer]:
    """Return ticks for what gave no value."""
    kinds = (("failed",), "failed", "failed", 0.0), (_CUT_OFF, "stopped", "stopped or pruned", 11.0)
    rugs = []
    for outcomes, series, label, height in kinds:
        own = [trial for trial in timeline.trials if trial.outcome in outcomes]
        places, numbers = [view.place(trial) for trial in own], [trial.number for trial in own]
        linked = numbers if view.is_linked else ()
        rugs.append(Rug(places, series, label, linked, height=height))
    return [rug for rug in rugs if len(rug)]


def _steps(objective: Objective, trials: Sequence[SearchedTrial]) -> list[SearchedTrial]:
    """Return the best trial after each of ``trials``."""
    found: list[SearchedTrial] = []
    for trial in trials:
        value = trial.values[objective.name]
        if not found:
            found.append(trial)
            continue
        best = found[-1].values[objective.name]
        is_better = value > best if objective.direction == "maximize" else value < best
        found.append(trial if is_better else found[-1])
    return found


def _changes(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the points at which a step line changes, and both ends."""
    last = len(ys) - 1
    kept = [i for i in range(len(ys)) if i in (0, last) or ys[i] != ys[i - 1]]
    return [xs[i] for i in kept], [ys[i] for i in kept]


def _usual(values: Sequence[float], needed: Sequence[float]) -> tuple[float, float]:
    """Return the range to show: all values, without a few (5 % at most) that are far off."""
    if len(values) < 8 or not all(map(is_drawable, values)):
        return -np.inf, np.inf
    low, high = np.quantile(values, [0.25, 0.75])
    far = 4 * (high - low)
    bounds = min(low - far, *needed, np.inf), max(high + far, *needed, -np.inf)
    outside = sum(not bounds[0] <= value <= bounds[1] for value in values)
    return bounds if 0 < outside <= 0.05 * len(values) else (-np.inf, np.inf)
