"""Figure of a Pareto front among all candidates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from bonas.evaluation import Candidate, Objective

_FRONT = "#d62728"
_OTHERS = "viridis"


def front_figure(
    objectives: Sequence[Objective], candidates: Sequence[Candidate], front: Sequence[Candidate]
) -> Figure:
    """Return a figure: one panel per pair of objectives; for one, its best value so far."""
    pairs = list(combinations(range(len(objectives)), 2))
    panels = max(len(pairs), 1)
    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure = Figure(figsize=(6.4 * columns, 4.6 * rows), dpi=150, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    if not pairs:
        _progress(axes[0], objectives[0], candidates)
    for axis, (first, second) in zip(axes, pairs, strict=False):
        # the second objective to the right: accuracy over latency
        _front(axis, objectives[second], objectives[first], candidates, front, len(objectives) == 2)
    for axis in axes[panels:]:
        axis.set_visible(False)
    if pairs and candidates:
        shades = ScalarMappable(Normalize(1, max(len(candidates), 2)), _OTHERS)
        figure.colorbar(shades, ax=axes[:panels], label="order of evaluation")
    return figure


def _progress(axis: Axes, objective: Objective, candidates: Sequence[Candidate]) -> None:
    values = np.array([c.values[objective.name] for c in candidates])
    best = np.maximum if objective.direction == "maximize" else np.minimum
    order = np.arange(1, len(values) + 1)
    axis.scatter(order, values, s=22, color="0.6", label="evaluated")
    if len(values):
        axis.step(order, best.accumulate(values), where="post", color=_FRONT, label="best so far")
    axis.set(xlabel="evaluation", ylabel=str(objective))
    axis.legend()
    axis.grid(alpha=0.3)


def _front(
    axis: Axes,
    across: Objective,
    up: Objective,
    candidates: Sequence[Candidate],
    front: Sequence[Candidate],
    with_line: bool,
) -> None:
    x = [c.values[across.name] for c in candidates]
    y = [c.values[up.name] for c in candidates]
    axis.scatter(x, y, c=range(1, len(x) + 1), cmap=_OTHERS, s=26, alpha=0.8, label="evaluated")
    ordered = sorted(front, key=lambda c: c.values[across.name])
    fx = [c.values[across.name] for c in ordered]
    fy = [c.values[up.name] for c in ordered]
    if with_line:  # the attainment surface: a corner at each point
        corner: Literal["post", "pre"] = "post" if across.direction == "minimize" else "pre"
        axis.step(fx, fy, where=corner, color=_FRONT, linewidth=1.5)
    axis.scatter(fx, fy, s=70, facecolors="none", edgecolors=_FRONT, linewidths=1.8, label="front")
    axis.set(xlabel=_better(across), ylabel=_better(up))
    axis.legend(loc="lower right")
    axis.grid(alpha=0.3)


def _better(objective: Objective) -> str:
    way = "higher" if objective.direction == "maximize" else "lower"
    return f"{objective}, {way} is better"
