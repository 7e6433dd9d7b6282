"""Time: how long evaluations took, what they spent it on, and when workers waited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bonas.plots.scale import scale_of
from bonas.report.charts import (
    Axis,
    Bars,
    Chart,
    Layer,
    Line,
    Points,
    Rows,
    Spans,
    duration,
    grid,
    short,
    time_unit,
)
from bonas.report.counted import counted
from bonas.report.markup import escaped, facts, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section
from bonas.report.timeline import ENDED, Timeline, instant

_WORKERS = 50  # of a chart with a row for each, and a span for each trial
_READ = 400  # trials whose measurements are parsed
_DRAWN = 600  # points of a chart
_PHASES = 8
_BUCKETS = 200  # of a chart of what ran over time
_SERIES = {"failed": "failed", "stopped": "stopped", "pruned": "stopped", "running": "series-3"}
_LABELS = {
    "series-1": "measured",
    "stopped": "stopped or pruned",
    "failed": "failed",
    "series-3": "running",
}
_OTHER = "proposal, storage and the rest"


@dataclass(frozen=True)
class _Span:
    """A trial that occupied a worker, in seconds since the first began."""

    trial: SearchedTrial
    start: float
    end: float

    @property
    def series(self) -> str:
        """Its look."""
        return _SERIES.get(self.trial.outcome, "series-1")


def section(searched: Searched) -> Section | None:
    """Return where the time went; None where the trials do not say."""
    spans = _spans(searched)
    if not spans or max(span.end for span in spans) <= 0:
        return None
    lanes = _lanes(spans)
    phases = _phases(searched)
    is_seen = len(lanes) <= _WORKERS and len(spans) <= _DRAWN
    timeline = _gantt(lanes) if is_seen else _busy(spans, len(lanes))
    charts = [*_durations(searched), *_phase_chart(phases), timeline]
    body = f"<p>{escaped(_words(spans, lanes, phases))}</p>{_facts(spans, lanes)}{grid(charts)}"
    return Section("time", "Where the time went", body)


def _spans(searched: Searched) -> list[_Span]:
    """Return all trials that say when they began, by their beginning; of this search alone."""
    own = [t for t in searched.trials if t.started is not None and t.outcome != "known"]
    began = min((instant(t.started) for t in own if t.started is not None), default=0.0)
    now, found = instant(searched.read_at), []
    for trial in own:
        ended = instant(trial.ended) if trial.ended is not None else now
        start = instant(trial.started) - began if trial.started is not None else 0.0
        if trial.ended is not None or trial.outcome == "running":
            found.append(_Span(trial, start, max(ended - began, start)))
    return sorted(found, key=lambda span: (span.start, span.trial.number))


def _lanes(spans: Sequence[_Span]) -> dict[str, list[_Span]]:
    """Return the trials of each worker; those that name none in as many rows as they overlap."""
    lanes: dict[str, list[_Span]] = defaultdict(list)
    free: list[float] = []  # when each row without a name ends
    for span in spans:
        name = span.trial.worker
        if not name:
            row = next((i for i, end in enumerate(free) if end <= span.start), len(free))
            free[row : row + 1] = [span.end]
            name = f"row {row + 1}"
        lanes[name].append(span)
    return dict(lanes)


def _phases(searched: Searched) -> dict[str, list[float]]:
    """Return what evaluations measured -> the seconds until it was known, one per trial.

    A final value takes the time since the final value before it.
    """
    trials = [trial for trial in searched.finished if trial.outcome == "measured"]
    rows = np.unique(np.linspace(0, max(len(trials) - 1, 0), _READ).round().astype(int))
    names = [objective.name for objective in searched.objectives]
    found: dict[str, list[float]] = defaultdict(list)
    for trial in (trials[row] for row in rows if row < len(trials)):
        at = 0.0
        for measurement in trial.measurements:
            if measurement.is_final and measurement.seconds is not None and measurement.values:
                own = [name for name in names if name in measurement.values]
                name = ", ".join(own or sorted(measurement.values))
                found[name].append(max(measurement.seconds - at, 0.0))
                at = max(measurement.seconds, at)
        if at and trial.seconds > at:
            found[_OTHER].append(trial.seconds - at)
    return dict(found)


def _words(
    spans: Sequence[_Span], lanes: dict[str, list[_Span]], phases: dict[str, list[float]]
) -> str:
    wall, busy = _wall(spans), sum(span.end - span.start for span in spans)
    text = (
        f"{counted(len(spans), 'trial')} took {duration(busy)} in all, within {duration(wall)} "
        f"on {counted(len(lanes), 'worker')}."
    )
    idle = 1 - busy / (wall * len(lanes)) if wall else 0.0
    if idle > 0.05:
        text += f" Workers were idle {100 * idle:.0f} % of the time."
    totals = {name: sum(each) for name, each in phases.items()}
    if totals and sum(totals.values()) > 0:
        most = max(totals, key=lambda name: totals[name])
        share = totals[most] / sum(totals.values())
        text += f" Of the time of a trial, {100 * share:.0f} % went to {shortened(most, 60)}."
    return text


def _facts(spans: Sequence[_Span], lanes: dict[str, list[_Span]]) -> str:
    wall, rows = _wall(spans), []
    ended = [span.end - span.start for span in spans if span.trial.outcome in ENDED]
    if ended:
        low, middle, high = np.quantile(ended, [0.1, 0.5, 0.9])
        between = f"{duration(float(low))} to {duration(float(high))}"
        rows.append(
            ("Trials", f"half of them within {duration(float(middle))}, 80 % took {between}")
        )
    for label, outcomes in (("Failed", ("failed",)), ("Stopped early", ("stopped", "pruned"))):
        own = [span.end - span.start for span in spans if span.trial.outcome in outcomes]
        if own:
            rows.append((label, f"{duration(sum(own))} in {counted(len(own), 'trial')}"))
    gaps = [gap for own in lanes.values() for gap in _gaps(own, wall)]
    if sum(gaps) > 0.01 * wall:
        rows.append(
            ("Idle", f"{duration(sum(gaps))} in all, {duration(max(gaps))} at most at once")
        )
    return facts([(label, escaped(text)) for label, text in rows])


def _wall(spans: Sequence[_Span]) -> float:
    return max(span.end for span in spans)


def _gaps(own: Sequence[_Span], wall: float) -> list[float]:
    """Return the seconds of each pause of a worker, until the end of the search."""
    gaps, at = [], 0.0
    for span in own:
        gaps.append(max(span.start - at, 0.0))
        at = max(at, span.end)
    return [*gaps, max(wall - at, 0.0)]


def _durations(searched: Searched) -> list[Chart]:
    """Return how long each trial took, in the order in which they ended."""
    timeline = Timeline.of(searched)
    trials = [t for t in timeline.trials if t.outcome != "known" and t.seconds > 0]
    if not trials:
        return []
    size, unit = time_unit(float(np.median([t.seconds for t in trials])))
    layers: list[Layer] = []
    for series, label in list(_LABELS.items())[:3]:
        own = [t for t in trials if _SERIES.get(t.outcome, "series-1") == series]
        if own:
            layers.append(
                Points(
                    [float(timeline.evaluations[t.number]) for t in own],
                    [t.seconds / size for t in own],
                    "evaluated" if series == "series-1" else series,
                    label,
                    trials=[t.number for t in own],
                )
            )
    times = [t.seconds for t in trials]
    scale = scale_of(times)
    return [
        Chart(
            "Time of each trial, its proposal included",
            Axis("evaluations", low=0.0, whole=True),
            Axis("time", unit, scale, low=None if scale == "log" else 0.0),
            layers,
            f"From {duration(min(times))} to {duration(max(times))}.",
            most=_DRAWN,
        )
    ]


def _phase_chart(phases: dict[str, list[float]]) -> list[Chart]:
    """Return the mean time that each result took; none where evaluations store no measurements."""
    if not set(phases) - {_OTHER}:
        return []
    shown = list(phases.items())[:_PHASES]
    means = [float(np.mean(each)) for _, each in shown]
    size, unit = time_unit(max(means))
    labels = [
        f"{shortened(name, 40)}: {duration(m)}" for (name, _), m in zip(shown, means, strict=True)
    ]
    names = [
        f"{label} on average of {len(each):,}"
        for label, (_, each) in zip(labels, shown, strict=True)
    ]
    return [
        Chart(
            "What the time of a trial was spent on, on average",
            Axis("time", unit, low=0.0),
            Rows(labels),
            [Bars([m / size for m in means], series="series-1", names=names)],
            "; ".join(names),
        )
    ]


def _gantt(lanes: dict[str, list[_Span]]) -> Chart:
    """Return one row per worker."""
    wall = max(span.end for own in lanes.values() for span in own)
    size, unit = time_unit(wall)
    placed = [
        (row, name, span) for row, (name, own) in enumerate(lanes.items(), start=1) for span in own
    ]
    layers: list[Layer] = []
    for series, label in _LABELS.items():
        own_spans = [each for each in placed if each[2].series == series]
        if own_spans:
            layers.append(
                Spans(
                    [span.start / size for _, _, span in own_spans],
                    [span.end / size for _, _, span in own_spans],
                    [float(row) for row, _, _ in own_spans],
                    series,
                    label,
                    trials=[span.trial.number for _, _, span in own_spans],
                )
            )
    n = len(lanes)
    return Chart(
        f"What {'the worker' if n == 1 else f'each of {n} workers'} did",
        Axis("time since the first trial began", unit, low=0.0),
        Axis("worker", low=0.4, high=n + 0.6, whole=True),
        layers,
        f"{counted(len(placed), 'trial')} over {duration(wall)}.",
        height=110.0 + 22.0 * min(max(n, 2), 16),
        most=_DRAWN,
    )


def _busy(spans: Sequence[_Span], workers: int) -> Chart:
    """Return how many trials ran on average over time, for many workers or many trials."""
    wall = _wall(spans)
    size, unit = time_unit(wall)
    edges = np.linspace(0.0, wall, _BUCKETS + 1)
    starts, ends = (np.array(each) for each in zip(*((s.start, s.end) for s in spans), strict=True))
    running = np.empty(_BUCKETS)
    for bucket in range(_BUCKETS):
        low, high = edges[bucket], edges[bucket + 1]
        within = np.minimum(ends, high) - np.maximum(starts, low)
        running[bucket] = np.clip(within, 0.0, None).sum() / (high - low)
    return Chart(
        f"Trials under way, of {counted(workers, 'worker')}, on average",
        Axis("time since the first trial began", unit, low=0.0),
        Axis("trials", low=0.0),
        [Line((edges / size).tolist(), [*running, running[-1]], "series-1", steps=True)],
        f"From {short(float(running.min()), 3)} to {short(float(running.max()), 3)}.",
    )
