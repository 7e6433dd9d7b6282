"""Learning curves as a figure: one panel per curve, one line per candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bonas.errors import unknown
from bonas.evaluation import Candidate, Objective

_FRONT = "#d62728"
_OTHERS = "viridis"
_CUT_OFF = "0.7"


def default_curves(objectives: Sequence[Objective], candidates: Sequence[Candidate]) -> list[str]:
    """Return the objectives that have a curve; without one, all names that have."""
    found = list(dict.fromkeys(name for candidate in candidates for name in candidate.curves))
    goals = [objective.name for objective in objectives if objective.name in found]
    return goals or found


def curves_figure(
    objectives: Sequence[Objective],
    evaluated: Sequence[Candidate],
    front: Sequence[Candidate],
    cut_off: Sequence[Candidate] = (),
    names: Sequence[str] | None = None,
) -> Figure:
    """Draw the curves of ``names``, by default of the objectives: the front's over all others.

    ``cut_off`` are candidates whose evaluation failed or was pruned, drawn dashed.

    Raises:
        InvalidArgument: if no candidate has a curve of one of the names.
    """
    everyone = [*evaluated, *cut_off]
    shown = default_curves(objectives, everyone) if names is None else list(names)
    known = {name for candidate in everyone for name in candidate.curves}
    for name in shown:
        if name not in known:
            raise unknown("curve", name, known)
    labels = {objective.name: str(objective) for objective in objectives}
    n = max(len(shown), 1)
    figure = Figure(figsize=(6.4 * n, 4.6), dpi=150, layout="constrained")
    axes = list(figure.subplots(1, n, squeeze=False).flat)
    for axis, name in zip(axes, shown, strict=False):
        _panel(axis, name, evaluated, front, cut_off)
        axis.set(xlabel="step", ylabel=labels.get(name, name.replace("_", " ")))
    if not shown:
        axes[0].text(0.5, 0.5, "no learning curves", ha="center", transform=axes[0].transAxes)
        axes[0].set_axis_off()
    elif len(evaluated) > 1:
        shades = ScalarMappable(Normalize(1, len(evaluated)), _OTHERS)
        ticks = MaxNLocator(integer=True)
        figure.colorbar(shades, ax=axes, label="order of evaluation", ticks=ticks)
    return figure


def _panel(
    axis: Axes,
    name: str,
    evaluated: Sequence[Candidate],
    front: Sequence[Candidate],
    cut_off: Sequence[Candidate],
) -> None:
    """Draw one line per candidate; a curve of a single point is a dot."""
    shades = ScalarMappable(Normalize(0, max(len(evaluated) - 1, 1)), _OTHERS)
    best = {candidate.trial.number for candidate in front}
    for candidate in cut_off:
        _line(axis, candidate, name, _CUT_OFF, "failed or pruned", linestyle="--")
    for order, candidate in enumerate(evaluated):
        if candidate.trial.number not in best:
            color = shades.to_rgba(np.array([order]))[0]
            _line(axis, candidate, name, color, "evaluated", alpha=0.6)
    for candidate in front:
        _line(axis, candidate, name, _FRONT, "front", linewidth=2.0)
    handles, labels = axis.get_legend_handles_labels()
    different = dict(zip(labels, handles, strict=True))
    axis.legend(different.values(), different.keys())
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)


def _line(
    axis: Axes, candidate: Candidate, name: str, color: Any, label: str, **style: Any
) -> None:
    if name in candidate.curves:
        curve = candidate.curve(name)
        look = {"marker": "o", "markersize": 3, "color": color, "label": label, **style}
        axis.plot(curve.steps, curve.values, **look)
