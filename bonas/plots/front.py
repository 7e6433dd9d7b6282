"""Figure of a Pareto front among all candidates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from bonas.evaluation import Candidate, Objective
from bonas.plots.scale import scale_of

_FRONT = "#d62728"
_OTHERS = "viridis"


def front_figure(
    objectives: Sequence[Objective],
    candidates: Sequence[Candidate],
    front: Sequence[Candidate],
    infeasible: Collection[int] = (),
) -> Figure:
    """Return a figure: one panel per pair of objectives; for one, its best value so far.

    An axis is logarithmic where values are positive and span over two decades.
    ``infeasible`` are the positions of candidates that violate a constraint.
    """
    pairs = list(combinations(range(len(objectives)), 2))
    panels = max(len(pairs), 1)
    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure = Figure(figsize=(6.4 * columns, 4.6 * rows), dpi=150, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    if not pairs:
        _progress(axes[0], objectives[0], candidates, infeasible)
    for axis, (first, second) in zip(axes, pairs, strict=False):
        # the second objective to the right: accuracy over latency
        pair, with_line = (objectives[second], objectives[first]), len(objectives) == 2
        _front(axis, *pair, candidates, front, with_line, infeasible)
    for axis in axes[panels:]:
        axis.set_visible(False)
    if pairs and candidates:
        shades = ScalarMappable(Normalize(1, max(len(candidates), 2)), _OTHERS)
        figure.colorbar(shades, ax=axes[:panels], label="order of evaluation")
    return figure


def _progress(
    axis: Axes, objective: Objective, candidates: Sequence[Candidate], infeasible: Collection[int]
) -> None:
    values = np.array([c.values[objective.name] for c in candidates])
    best = np.maximum if objective.direction == "maximize" else np.minimum
    order = np.arange(1, len(values) + 1)
    kept = ~np.isin(np.arange(len(values)), list(infeasible))
    axis.scatter(order[kept], values[kept], s=22, color="0.6", label="evaluated")
    _hollow(axis, order[~kept], values[~kept])
    if kept.any():
        so_far = best.accumulate(values[kept])
        axis.step(order[kept], so_far, where="post", color=_FRONT, label="best so far")
    axis.set(xlabel="evaluation", ylabel=str(objective), yscale=scale_of(values))
    axis.legend()
    axis.grid(alpha=0.3)


def _front(
    axis: Axes,
    across: Objective,
    up: Objective,
    candidates: Sequence[Candidate],
    front: Sequence[Candidate],
    with_line: bool,
    infeasible: Collection[int],
) -> None:
    x = np.array([c.values[across.name] for c in candidates])
    y = np.array([c.values[up.name] for c in candidates])
    order, kept = np.arange(1, len(x) + 1), ~np.isin(np.arange(len(x)), list(infeasible))
    shades = Normalize(1, max(len(x), 2))
    axis.scatter(
        x[kept],
        y[kept],
        c=order[kept],
        cmap=_OTHERS,
        norm=shades,
        s=26,
        alpha=0.8,
        label="evaluated",
    )
    _hollow(axis, x[~kept], y[~kept])
    ordered = sorted(front, key=lambda c: c.values[across.name])
    fx = [c.values[across.name] for c in ordered]
    fy = [c.values[up.name] for c in ordered]
    if with_line:  # the attainment surface: a corner at each point
        corner: Literal["post", "pre"] = "post" if across.direction == "minimize" else "pre"
        axis.step(fx, fy, where=corner, color=_FRONT, linewidth=1.5)
    axis.scatter(fx, fy, s=70, facecolors="none", edgecolors=_FRONT, linewidths=1.8, label="front")
    axis.set(xlabel=_better(across), ylabel=_better(up), xscale=scale_of(x), yscale=scale_of(y))
    axis.legend(loc="lower right")
    axis.grid(alpha=0.3)


def _hollow(axis: Axes, x: npt.NDArray[Any], y: npt.NDArray[np.float64]) -> None:
    """Draw candidates that violate a constraint, if there are any."""
    if len(x):
        label = "violates a constraint"
        axis.scatter(x, y, s=22, facecolors="none", edgecolors="0.6", label=label)


def _better(objective: Objective) -> str:
    way = "higher" if objective.direction == "maximize" else "lower"
    return f"{objective}, {way} is better"
