"""The surrogate: was what it predicted before each evaluation right, and did it know how surely?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bonas.evaluation.objective import Objective
from bonas.report.charts import (
    Axis,
    Band,
    Chart,
    Diagonal,
    Layer,
    Level,
    Line,
    Points,
    folded,
    grid,
    short,
    with_unit,
)
from bonas.report.charts.axis import LARGEST, is_drawable
from bonas.report.counted import counted
from bonas.report.markup import Column, escaped, shortened, table
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section
from bonas.report.statistics.calibration import LEVELS, Calibration, correlations, half_width

_LEAST = 5  # predictions below which nothing is said
_LEVEL = 0.8  # of the intervals in words and in the chart
_WINDOW = 30  # values of a rank correlation, at most
_FEWEST = 10  # the same, at least
_DRAWN = 300  # points of a chart
_LONGEST = 40  # characters of a name


@dataclass(frozen=True)
class _Predicted:
    """The measured values of an objective that had been predicted, in the order of the trials."""

    objective: Objective
    trials: tuple[SearchedTrial, ...]
    calibration: Calibration

    @classmethod
    def of(cls, searched: Searched, objective: Objective) -> _Predicted:
        rows, trials, name = [], [], objective.name
        for trial in searched.finished:
            if trial.prediction is None:
                continue
            row = trial.values[name], trial.prediction.mean[name], trial.prediction.sd[name]
            if all(map(is_drawable, row)) and row[2] > 1 / LARGEST:
                rows.append(row)
                trials.append(trial)
        columns = np.array(rows, np.float64).reshape(-1, 3).T
        return cls(objective, tuple(trials), Calibration(*columns))

    @property
    def name(self) -> str:
        """The objective's name, short enough for a chart."""
        return shortened(self.objective.name, _LONGEST)


def section(searched: Searched) -> Section | None:
    """Return how far the surrogate can be trusted; None where nothing was predicted."""
    every = [_Predicted.of(searched, objective) for objective in searched.objectives]
    n = max((len(each.trials) for each in every), default=0)
    if n == 0:
        return None
    if n < _LEAST:
        words = (
            f"Too few to say: {counted(n, 'measured value was', 'measured values were')} predicted "
            "before the evaluation. The first trials are not chosen by the surrogate."
        )
        return Section("surrogate", "Can the surrogate be trusted?", f"<p>{escaped(words)}</p>")
    enough = [each for each in every if len(each.trials) >= _LEAST]
    words = "".join(f"<p>{escaped(_words(each))}</p>" for each in enough)
    body = (
        "<p>Before each evaluation, the surrogate predicted its result. If it is right, the points "
        "lie along the diagonal, and 80&nbsp;% of the bars touch it.</p>"
        f"{words}{grid([_against(each) for each in enough])}"
        "<h3>Calibration</h3><p>How often measured values lay in the intervals of each level: "
        "above the diagonal the surrogate is too cautious, below it too sure. The band is what "
        f"chance alone may do.</p>{grid([_calibrated(each) for each in enough], small=True)}"
        f"{_table(enough)}{_cut_off(searched)}"
    )
    over_time = [chart for each in enough for chart in _ranks(each)]
    weights = [chart for each in every for chart in _weights(searched, each.objective)]
    body += folded("Rank correlation over time", grid(over_time, small=True))
    body += folded("Weights of the surrogate's members over time", grid(weights, small=True))
    return Section("surrogate", "Can the surrogate be trusted?", body)


def _words(predicted: _Predicted) -> str:
    """Return what the calibration means."""
    found, n = predicted.calibration, len(predicted.trials)
    inside, (low, high) = found.covered(_LEVEL), found.by_chance(_LEVEL)
    text = (
        f"{predicted.name}: of {n:,} measured values, {inside:,} lay in the {100 * _LEVEL:.0f} % "
        f"intervals; {low:,} to {high:,} are what chance allows."
    )
    if inside < low:
        verdict = "The surrogate was too sure."
    elif inside > high:
        verdict = "The surrogate was too cautious."
    else:
        verdict = "Its uncertainty was right, as far as these tell."
    error = with_unit(found.rmse, predicted.objective.unit)
    spread = with_unit(found.spread, predicted.objective.unit)
    return f"{text} {verdict} Typical error (RMSE) {error}, where the values differ by {spread}."


def _against(predicted: _Predicted) -> Chart:
    found, objective = predicted.calibration, predicted.objective
    half = half_width(_LEVEL) * found.sd
    names = [
        f"trial {t.number}: {with_unit(y, objective.unit)}, "
        f"predicted {short(mean)} ± {short(sd, 2)}"
        for t, y, mean, sd in zip(
            predicted.trials, found.measured, found.mean, found.sd, strict=True
        )
    ]
    ends = [*found.measured, *(found.mean - half), *(found.mean + half)]
    margin = 0.03 * (max(ends) - min(ends))
    low, high = min(ends) - margin, max(ends) + margin  # of both axes
    layers: list[Layer] = [
        Diagonal("equal"),
        Points(
            found.measured.tolist(),
            found.mean.tolist(),
            "evaluated",
            f"prediction and its {100 * _LEVEL:.0f} % interval",
            trials=[trial.number for trial in predicted.trials],
            names=names,
            y_errors=half.tolist(),
        ),
    ]
    return Chart(
        f"{predicted.name}: predicted against measured",
        Axis("measured", objective.unit, low=low, high=high),
        Axis("predicted", objective.unit, low=low, high=high),
        layers,
        _words(predicted),
        height=400.0,
        most=_DRAWN,
    )


def _calibrated(predicted: _Predicted) -> Chart:
    found, n = predicted.calibration, len(predicted.trials)
    levels = [0.0, *LEVELS, 1.0]
    chance = [(0, 0), *(found.by_chance(level) for level in LEVELS), (n, n)]
    observed = [0.0, *(100 * found.covered(level) / n for level in LEVELS), 100.0]
    xs = [100 * level for level in levels]
    lows, highs = ([100 * each[end] / n for each in chance] for end in (0, 1))
    return Chart(
        f"{predicted.name} (n = {n:,})",
        Axis("level of the interval", "%", low=0.0, high=100.0),
        Axis("measured values inside", "%", low=0.0, high=100.0),
        [
            Band(xs, lows, highs, "series-6", "95 % of what chance does"),
            Diagonal("right"),
            Line(xs, observed, "series-1", "observed"),
        ],
        _words(predicted),
        width=380.0,
        height=280.0,
    )


def _table(every: Sequence[_Predicted]) -> str:
    columns = [
        Column("objective"),
        *(Column(title, "right") for title in ("n", "RMSE", "spread of values", "z RMS")),
        *(Column(f"in {level} %", "right") for level in (50, 80, 95)),
    ]
    rows = []
    for each in every:
        found, unit = each.calibration, each.objective.unit
        inside = [
            f"{100 * found.covered(level / 100) / len(found):.0f} %" for level in (50, 80, 95)
        ]
        cells = [with_unit(found.rmse, unit), with_unit(found.spread, unit)]
        cells += [f"{found.standardised_error:.2f}", *inside]
        rows.append([escaped(each.name), f"{len(found):,}", *map(escaped, cells)])
    note = (
        '<p class="muted">z RMS: the errors in predicted standard deviations; 1 is right, more is '
        "too sure.</p>"
    )
    return table("Errors of the predictions", columns, rows) + note


def _cut_off(searched: Searched) -> str:
    """Return what is missing; empty where no evaluation with a prediction was ended early."""
    n = sum(
        t.outcome in ("stopped", "pruned") and t.prediction is not None for t in searched.trials
    )
    if not n:
        return ""
    trials = counted(n, "stopped or pruned trial is", "stopped or pruned trials are")
    return (
        f'<p class="muted">{trials} not counted, without a final value. Rules stop what looks bad, '
        "so that the rest may be better than was predicted.</p>"
    )


def _ranks(predicted: _Predicted) -> list[Chart]:
    """Return the rank correlation in windows over time; none with too few values."""
    found, n = predicted.calibration, len(predicted.trials)
    window = min(_WINDOW, max(_FEWEST, n // 3))
    every = correlations(found.mean, found.measured, window)
    if len(every) < 2:
        return []
    xs = [float(predicted.trials[each.end].number) for each in every]
    return [
        Chart(
            f"{predicted.name}: rank correlation of the latest {window} predictions",
            Axis("trial", whole=True),
            Axis("Spearman's rank correlation", low=-1.0, high=1.0),
            [
                Band(
                    xs, [e.low for e in every], [e.high for e in every], "series-1", "95 % interval"
                ),
                Level(0.0),
                Line(xs, [each.value for each in every], "series-1"),
            ],
            f"From {every[0].value:.2f} to {every[-1].value:.2f}. It falls where a search compares "
            "networks that are nearly equal.",
            width=380.0,
            height=250.0,
        )
    ]


def _weights(searched: Searched, objective: Objective) -> list[Chart]:
    """Return the weights of the members of a mixture over time; none without a mixture."""
    rows: list[tuple[float, list[float]]] = []
    for trial in searched.trials:
        weights = trial.prediction.weights.get(objective.name, ()) if trial.prediction else ()
        if len(weights) > 1:
            rows.append((float(trial.number), [float(weight) for weight in weights]))
    members = max((len(weights) for _, weights in rows), default=0)
    if len(rows) < 2:
        return []
    lines = []
    for member in range(members):
        own = [(x, weights[member]) for x, weights in rows if member < len(weights)]
        series = f"series-{member % 6 + 1}"
        lines.append(
            Line(
                [x for x, _ in own], [y for _, y in own], series, f"member {member + 1}", steps=True
            )
        )
    return [
        Chart(
            f"{shortened(objective.name, _LONGEST)}: weights of the members",
            Axis("trial", whole=True),
            Axis("weight", low=0.0, high=1.0),
            lines,
            "A member with more weight has predicted better, each trial left out.",
            width=380.0,
            height=250.0,
        )
    ]
