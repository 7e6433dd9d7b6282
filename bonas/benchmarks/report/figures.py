"""The figures of a comparison: regret or gap against evaluations, and seconds per ask.

Colours: Okabe and Ito (2008), "Color universal design", without the yellow, which fades on white.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, islice

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.optimize import isotonic_regression

from bonas.benchmarks.comparison import Comparison
from bonas.benchmarks.comparison.statistics import Interval, mean_interval
from bonas.benchmarks.tables.scale import Array

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444")
_DASHES = ("-", "--", ":")  # the next one after all colours were used
_NEAREST = 0.055  # of the height of the axes, between two labels
_BIN = 10  # trials per point of the figure of seconds
_FLOOR = 0.7  # of the least positive mean: the lower end of the axis

Style = tuple[str, str]


def trace_figure(comparison: Comparison, problem: str) -> Figure:
    """Draw regret (one objective) or hypervolume gap against evaluations, one line per method.

    The mean over the seeds and its 95 % bootstrap interval, on a logarithmic scale, whose lower end
    stands for 0. A dot marks where all runs of a method have found the answer.

    Raises:
        InvalidArgument: for an unknown problem.
    """
    one = comparison.main_metric(problem)[0] == "queries"
    objective = comparison.problems[problem].objectives[0]
    unit = f" [{objective.unit}]" if objective.unit else ""
    lines = {method: _trace(comparison, problem, method, one) for method in comparison.methods}
    known = {method: line for method, line in lines.items() if line.n}
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    axis = figure.subplots()
    name = f"regret of {objective.name}{unit}" if one else "hypervolume gap [%]"
    axis.set(xlabel="evaluations", ylabel=f"{name}, mean and 95 % interval", title=problem)
    _draw(axis, np.arange(1.0, comparison.budget + 1), known, _styles(comparison.methods))
    return figure


def seconds_figure(comparison: Comparison) -> Figure:
    """Draw median seconds per ask against finished trials, one panel per number of objectives.

    All runs of all problems count, with ten trials per point. A dot marks the end of a method's
    last run.
    """
    numbers = sorted({len(r.objectives) for r in comparison.problems.values()})
    figure = Figure(figsize=(7.2 * len(numbers), 4.6), dpi=150, layout="constrained")
    panels = figure.subplots(1, len(numbers), squeeze=False).flat
    for axis, m in zip(panels, numbers, strict=True):
        x, lines = _seconds(comparison, m)
        title = "one objective" if m == 1 else f"{m} objectives"
        axis.set(xlabel="finished trials", ylabel="seconds per ask, median", title=title)
        _draw(axis, x, lines, _styles(comparison.methods))
    return figure


def _trace(comparison: Comparison, problem: str, method: str, one: bool) -> Interval:
    """Return the mean trace of the finished runs over 1, ..., ``budget`` evaluations."""
    traces = [t for key, t in comparison.traces.items() if key[:2] == (problem, method)]
    rows = [trace.regrets if one else 100.0 * trace.gaps for trace in traces]
    complete = [row for row in rows if np.isfinite(row[-1])]
    finished = np.array(complete).reshape(-1, comparison.budget)
    interval = mean_interval(np.nan_to_num(finished))
    for part in (interval.mean, interval.low, interval.high):
        part[np.isnan(finished).any(axis=0)] = np.nan  # before the first success there is no regret
    return interval


def _seconds(comparison: Comparison, m: int) -> tuple[Array, dict[str, Interval]]:
    """Return the middle of each bin, and the median of each method without an interval."""
    starts = np.arange(0, comparison.budget, _BIN)
    lines = {}
    for method in comparison.methods:
        runs = [
            trace.run.seconds[: comparison.budget]
            for key, trace in comparison.traces.items()
            if key.method == method and len(trace.reference.objectives) == m
        ]
        if runs:
            bins = [np.concatenate([run[s : s + _BIN] for run in runs]) for s in starts]
            median = np.array([np.median(b) if len(b) else np.nan for b in bins])
            lines[method] = Interval(median, np.full_like(median, np.nan), median, len(runs))
    return np.asarray(starts + (_BIN - 1) / 2, np.float64), lines


def _styles(methods: Sequence[str]) -> dict[str, Style]:
    """Give each method a colour and a dash of its own."""
    dashes = [dash for dash in _DASHES for _ in _COLOURS]
    colours = islice(cycle(_COLOURS), len(methods))
    return dict(zip(methods, zip(colours, cycle(dashes), strict=False), strict=True))


def _draw(axis: Axes, x: Array, lines: Mapping[str, Interval], styles: Mapping[str, Style]) -> None:
    """Draw lines with bands, labelled at their ends; that of the first method is the thickest."""
    low, high = _limits(list(lines.values()))
    axis.set(xlim=(x[0], max(x[-1], x[0] + 1)))
    _set_log_scale(axis, low, high)
    alpha = 0.6 / max(len(lines), 5)  # of a band
    ends = {}
    for method, line in lines.items():
        colour, dash = styles[method]
        mean, lower, upper = (np.maximum(part, low) for part in (line.mean, line.low, line.high))
        width = 2.2 if method == next(iter(styles)) else 1.4
        axis.plot(x, mean, dash, color=colour, linewidth=width, clip_on=False)
        axis.fill_between(x, lower, upper, color=colour, alpha=alpha, linewidth=0)
        known = np.flatnonzero(np.isfinite(mean))
        if len(known):
            last = known[np.argmax(mean[known] == low)] if mean[known[-1]] == low else known[-1]
            if last < len(x) - 1:
                axis.plot(x[last], mean[last], "o", color=colour, markersize=5, clip_on=False)
            ends[method] = float(x[known[-1]]), float(mean[known[-1]])
    _label(axis, ends, styles)


def _set_log_scale(axis: Axes, low: float, high: float) -> None:
    axis.set(ylim=(low, high), yscale="log")
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    decades = np.log10(high / low)
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > 3 else (1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _limits(lines: Sequence[Interval]) -> tuple[float, float]:
    """Return the limits of the axis; the lower one, below all positive means, stands for 0."""
    means = [line.mean[line.mean > 0] for line in lines]
    highs = [line.high[line.high > 0] for line in lines]
    least = min((float(part.min()) for part in means if len(part)), default=1.0)
    most = max((float(part.max()) for part in highs if len(part)), default=1.0)
    return _FLOOR * least, max(most, least) / _FLOOR


def _label(
    axis: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, Style]
) -> None:
    """Write the names of the methods to the right, in the order of their ends, without overlap."""
    low, high = np.log(axis.get_ylim())
    heights = {method: float((np.log(y) - low) / (high - low)) for method, (_, y) in ends.items()}
    order = sorted(heights, key=lambda method: heights[method])
    for method, height in zip(order, _spread([heights[m] for m in order]), strict=True):
        axis.annotate(
            method,
            xy=ends[method],
            xytext=(1.04, height),
            textcoords="axes fraction",
            color=styles[method][0],
            fontsize=9,
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": styles[method][0],
                "linewidth": 0.6,
                "relpos": (0.0, 0.5),  # the left end of the name
                "shrinkB": 0,
            },
        )


def _spread(heights: Sequence[float]) -> list[float]:
    """Move rising heights in [0, 1] apart, as little as possible.

    Least squares under ``moved[i + 1] >= moved[i] + gap``: isotonic regression without the gaps.
    """
    if len(heights) < 2:
        return [min(max(height, 0.0), 1.0) for height in heights]
    gap = min(_NEAREST, 1.0 / (len(heights) - 1))
    offsets = gap * np.arange(len(heights))
    rising = isotonic_regression(np.asarray(heights) - offsets).x
    moved: list[float] = (np.clip(rising, 0.0, 1.0 - offsets[-1]) + offsets).tolist()
    return moved
