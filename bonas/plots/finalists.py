"""Finalists as a slope chart: values in the search, after the full training, and on test rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bonas.evaluation import Objective

_CHOSEN = "#d62728"
_OTHERS = "0.45"
_LEFT, _MIDDLE, _RIGHT = 0.0, 1.0, 2.0
_APART = 0.06  # between the intervals of two finalists
_CLOSE = 0.045  # of the height of the axis: the least distance of two labels


@dataclass(frozen=True, slots=True)
class FinalistLine:
    """One finalist of the figure.

    Attributes:
        label: Its name.
        short: Its value in the search; None if that is of another objective.
        full: Its values after the full training, one per seed; empty if it was not compared.
        test: Its mean on the test rows; None if there are none.
        interval: Of the mean, 95 %.
        is_chosen: Whether it is the one that is chosen.
    """

    label: str
    short: float | None
    full: Sequence[float]
    test: float | None
    interval: tuple[float, float]
    is_chosen: bool

    @property
    def start(self) -> tuple[float, float]:
        """Its first point: where it is, and its value there."""
        if self.short is not None:
            return _LEFT, self.short
        if self.full:
            return _MIDDLE, float(np.mean(self.full))
        return _RIGHT, np.nan if self.test is None else self.test


def finalists_figure(objective: Objective, lines: Sequence[FinalistLine], title: str) -> Figure:
    """Return a figure with a line per finalist; seeds are dots, the interval on test rows a bar."""
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    axis = figure.subplots()
    for place, line in enumerate(lines):
        _draw(axis, line, _RIGHT + _APART * (place - (len(lines) - 1) / 2))
    ticks = {_LEFT: "in the search:\nshort training", _MIDDLE: "full training,\nvalidation rows"}
    if lines[0].short is None:
        del ticks[_LEFT]
    if any(line.test is not None for line in lines):
        ticks[_RIGHT] = "full training,\ntest rows"
    axis.set_xlim(right=max(ticks) + 0.4)
    axis.set_xticks(list(ticks), list(ticks.values()))
    _label(axis, lines)
    way = "higher" if objective.direction == "maximize" else "lower"
    axis.set_ylabel(f"{objective}, {way} is better")
    axis.set_title(title, fontsize=9)
    axis.grid(axis="y", alpha=0.3)
    return figure


def _draw(axis: Axes, line: FinalistLine, right: float) -> None:
    colour, order = (_CHOSEN, 3) if line.is_chosen else (_OTHERS, 2)
    points = [] if line.short is None else [(_LEFT, line.short)]
    if line.full:
        points.append((_MIDDLE, float(np.mean(line.full))))
        x = np.full(len(line.full), _MIDDLE)
        axis.scatter(x, line.full, s=14, color=colour, alpha=0.5, linewidths=0, zorder=order)
    if line.test is not None:
        points.append((right, line.test))
        low, high = line.interval
        if np.isfinite([low, high]).all():
            bar = [[line.test - low], [high - line.test]]
            axis.errorbar([right], [line.test], bar, color=colour, capsize=3, zorder=order)
    axis.plot(*zip(*points, strict=True), marker="o", markersize=5, color=colour, zorder=order)


def _label(axis: Axes, lines: Sequence[FinalistLine]) -> None:
    """Write the names at the left end, from the top down, with room for each."""
    low, high = axis.get_ylim()
    at = np.inf
    left = min(line.start[0] for line in lines)
    for line in sorted(lines, key=lambda each: -each.start[1]):
        at = min(line.start[1], at - _CLOSE * (high - low))
        axis.annotate(
            line.label,
            line.start,
            (left - 0.12, at),
            ha="right",
            va="center",
            fontsize=8,
            color=_CHOSEN if line.is_chosen else _OTHERS,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "0.7"},
        )
    axis.set_xlim(left=left - 0.55)
    axis.set_ylim(min(low, at - _CLOSE * (high - low)), high)
