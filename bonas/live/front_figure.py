"""The front as a plotly figure: cost to the right, gain up, names, units and the line attained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bonas.evaluation.objective import Objective
from bonas.report.front_chart import ordered_pair, spread, value_axis
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.values import value_text

_FRONT, _OTHERS, _INFEASIBLE = "#b84a00", "#5a7f9c", "#9aa5b1"
_NAME = 40  # characters of an objective's name


def front_figure(searched: Searched) -> Any:
    """Return the figure of the first two objectives, or of one by the number of the trial."""
    import plotly.graph_objects as go

    first, *others = searched.objectives
    across, up = ordered_pair(first, others[0]) if others else (None, first)
    on_front = {trial.number for trial in searched.front}
    feasible = {trial.number for trial in searched.feasible}
    front = sorted(searched.front, key=lambda trial: _at(trial, across))
    if across is not None and across.direction == "maximize":
        front.reverse()  # the line goes from the best to the next worse
    dominated = [t for t in searched.feasible if t.number not in on_front]
    infeasible = [t for t in searched.finished if t.number not in feasible]
    line = {"color": _FRONT, "width": 2, "shape": "hv"} if len(others) == 1 else None
    hollow = {"color": _INFEASIBLE, "size": 7, "symbol": "circle-open"}
    mark = {"color": _FRONT, "size": 10, "symbol": "diamond"}
    parts: list[tuple[str, list[SearchedTrial], dict[str, Any], dict[str, Any] | None]] = [
        ("dominated", dominated, {"color": _OTHERS, "size": 7}, None),
        ("violates a constraint", infeasible, hollow, None),
        ("front" if others else "best", front, mark, line),
    ]
    traces = [_trace(searched, *part, across=across, up=up) for part in parts if part[1]]
    return go.Figure(traces, layout=_layout(searched, across, up))


def _layout(searched: Searched, across: Objective | None, up: Objective) -> dict[str, Any]:
    right = "linear" if across is None else value_axis(searched, across).scale
    axis = {"gridcolor": "#e3e7ec", "zeroline": False}
    below = "trial" if across is None else _title(across)
    return {
        "template": "none",
        "title": {"text": f"{_name(up)} against {'trial' if across is None else _name(across)}"},
        "xaxis": {"title": {"text": below}, "type": right, **axis},
        "yaxis": {"title": {"text": _title(up)}, "type": value_axis(searched, up).scale, **axis},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1.08, "x": 0},
        "margin": {"l": 70, "r": 20, "t": 80, "b": 60},
    }


def _trace(
    searched: Searched,
    name: str,
    trials: Sequence[SearchedTrial],
    marker: dict[str, Any],
    line: dict[str, Any] | None,
    *,
    across: Objective | None,
    up: Objective,
) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": f"{name} ({len(trials)})",
        "mode": "markers" if line is None else "lines+markers",
        "x": [_at(trial, across) for trial in trials],
        "y": [trial.values[up.name] for trial in trials],
        "text": [_hover(searched, trial) for trial in trials],
        "hoverinfo": "text",
        "marker": marker,
    }
    if line is not None:
        trace["line"] = line
    for key, objective in (("error_x", across), ("error_y", up)):
        if objective is not None and (sds := spread(trials, objective)):
            lengths = [None if math.isnan(sd) else sd for sd in sds]
            trace[key] = {"type": "data", "array": lengths, "thickness": 1, "width": 0}
    return trace


def _hover(searched: Searched, trial: SearchedTrial) -> str:
    values = (f"{_name(o)}: {escaped(value_text(trial, o))}" for o in searched.objectives)
    return "<br>".join((f"trial {trial.number}", *values))


def _at(trial: SearchedTrial, across: Objective | None) -> float:
    return float(trial.number) if across is None else trial.values[across.name]


def _title(objective: Objective) -> str:
    return f"{_name(objective)} [{escaped(objective.unit)}]" if objective.unit else _name(objective)


def _name(objective: Objective) -> str:
    """Return a name that plotly shows as it is: it reads some HTML."""
    return escaped(shortened(objective.name, _NAME))
