"""The card of a study: how far it is, its best values and a small picture of its front."""

from __future__ import annotations

from collections.abc import Sequence

from bonas.evaluation.objective import Objective
from bonas.report.charts import Axis, Chart, Line, Points
from bonas.report.markup import escaped, shortened
from bonas.report.numbers import counted, duration, with_unit
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial

_WIDTH, _HEIGHT = 380.0, 220.0  # of the picture
_POINTS = 300  # in it, apart from the front
_COUNTED = {
    "running": "running",
    "waiting": "waiting",
    "stopped": "stopped early",
    "pruned": "pruned",
    "failed": "failed",
    "not_finite": "without a finite value",
    "known": "known before",
}
"""An outcome -> its words, in the order of the card."""


def card(searched: Searched, link: str) -> str:
    """Return an ``article`` about a study, whose heading leads to ``link``."""
    name = escaped(shortened(searched.name.strip() or "(without a name)"))
    return (
        '<article class="card">'
        f'<h3><a href="{escaped(link)}">{name}</a></h3>'
        f"{_progress(searched)}{_best(searched)}{_picture(searched)}{_latest(searched)}"
        "</article>"
    )


def _progress(searched: Searched) -> str:
    """Return how much of the budget is used, and how many trials ended in which way."""
    budget, bar = searched.budget, ""
    parts = [counted(searched.count("measured", "stopped", "pruned", "failed"), "trial")]
    if budget:
        is_time = budget.unit == "seconds"
        used = duration(searched.spent) if is_time else f"{searched.spent:.4g}"
        parts = [f"{used} of {budget}{'' if is_time else ' evaluations'}"]
        share = min(1.0, max(0.0, searched.spent / budget.amount))
        bar = f'<progress max="1" value="{share:.3f}" aria-label="used of the budget"></progress>'
    parts += [f"{n} {text}" for outcome, text in _COUNTED.items() if (n := searched.count(outcome))]
    return f"{bar}<p>{escaped(', '.join(parts))}</p>"


def _best(searched: Searched) -> str:
    rows = []
    for objective in searched.objectives:
        best = searched.best(objective)
        if best is not None:
            value = with_unit(best.values[objective.name], objective.unit)
            name = shortened(objective.name, 30)
            rows.append(f"<div><dt>best {escaped(name)}</dt><dd>{escaped(value)}</dd></div>")
    return f"<dl>{''.join(rows)}</dl>" if rows else "<p>Nothing is measured yet.</p>"


def _picture(searched: Searched) -> str:
    """Return two objectives of all trials, or one by the number of the trial."""
    if not searched.finished:
        return ""
    x, y = axes_of(searched.objectives)
    on_front = {trial.number for trial in searched.front}
    others = [t for t in searched.finished if t.number not in on_front][-_POINTS:]
    front = sorted(searched.front, key=lambda trial: _at(trial, x))
    layers: list[Points | Line] = [_points(others, x, y, "evaluated")]
    if len(searched.objectives) == 2:
        layers.append(Line(*_places(front, x, y), "front"))
    layers.append(_points(front, x, y, "front"))
    axis = Axis("trial", whole=True) if x is None else _axis(x)
    title = f"{y.name} by {axis.title}"
    seen = counted(len(front), "network") + " on the front"
    svg = Chart(title, axis, _axis(y), layers, seen, _WIDTH, _HEIGHT).svg()
    return f'<figure class="chart small">{svg}</figure>'


def axes_of(objectives: Sequence[Objective]) -> tuple[Objective | None, Objective]:
    """Return what is drawn to the right, a cost if there is one, and what is drawn up."""
    if len(objectives) == 1:
        return None, objectives[0]
    costs = [objective for objective in objectives if objective.direction == "minimize"]
    x = costs[0] if costs else objectives[1]
    return x, next(objective for objective in objectives if objective is not x)


def _axis(objective: Objective) -> Axis:
    return Axis(shortened(objective.name, 24), objective.unit)


def _at(trial: SearchedTrial, x: Objective | None) -> float:
    return float(trial.number) if x is None else trial.values[x.name]


def _places(
    trials: Sequence[SearchedTrial], x: Objective | None, y: Objective
) -> tuple[list[float], list[float]]:
    return [_at(trial, x) for trial in trials], [trial.values[y.name] for trial in trials]


def _points(
    trials: Sequence[SearchedTrial], x: Objective | None, y: Objective, series: str
) -> Points:
    return Points(*_places(trials, x, y), series)


def _latest(searched: Searched) -> str:
    times = [when for when in (searched.began, searched.ended) if when is not None]
    if not times:
        return "<p><small>No trial has begun.</small></p>"
    latest = max(times)
    machine, person = f"{latest:%Y-%m-%dT%H:%M:%S}", f"{latest:%Y-%m-%d %H:%M:%S}"
    return f'<p><small>last change <time datetime="{machine}">{person}</time></small></p>'
