"""The card of a study: how far it is, its best values and a small picture of its front."""

from __future__ import annotations

from collections.abc import Sequence

from bonas.evaluation.objective import Objective
from bonas.report.charts import Axis, Chart, Line, Points, duration
from bonas.report.counted import counted
from bonas.report.front_chart import ordered_pair
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.values import value_text

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
            value = escaped(value_text(best, objective))
            rows.append(f"<dt>best {escaped(shortened(objective.name, 30))}</dt><dd>{value}</dd>")
    return f"<dl>{''.join(rows)}</dl>" if rows else "<p>Nothing is measured yet.</p>"


def _picture(searched: Searched) -> str:
    """Return the first two objectives of all trials, or one by the number of the trial."""
    if not searched.finished:
        return ""
    first, *others = searched.objectives
    across, up = ordered_pair(first, others[0]) if others else (None, first)
    on_front = {trial.number for trial in searched.front}
    dominated = [t for t in searched.finished if t.number not in on_front][-_POINTS:]
    front = sorted(searched.front, key=lambda trial: _at(trial, across))
    if across is not None and across.direction == "maximize":
        front.reverse()  # the line goes from the best to the next worse
    layers: list[Points | Line] = [Points(*_places(dominated, across, up))]
    if len(others) == 1:
        layers.append(Line(*_places(front, across, up), "front", steps=True))
    layers.append(Points(*_places(front, across, up), "front"))
    axis = Axis("trial", whole=True) if across is None else _axis(across)
    seen = f"{counted(len(front), 'network')} on the front"
    title = f"{up.name} by {axis.title}"
    svg = Chart(title, axis, _axis(up), layers, seen, _WIDTH, _HEIGHT).svg()
    return f'<figure class="chart small">{svg}</figure>'


def _axis(objective: Objective) -> Axis:
    return Axis(shortened(objective.name, 24), objective.unit)


def _at(trial: SearchedTrial, across: Objective | None) -> float:
    return float(trial.number) if across is None else trial.values[across.name]


def _places(
    trials: Sequence[SearchedTrial], across: Objective | None, up: Objective
) -> tuple[list[float], list[float]]:
    return [_at(trial, across) for trial in trials], [trial.values[up.name] for trial in trials]


def _latest(searched: Searched) -> str:
    times = [when for when in (searched.began, searched.ended) if when is not None]
    if not times:
        return "<p><small>No trial has begun.</small></p>"
    latest = max(times)
    machine, person = f"{latest:%Y-%m-%dT%H:%M:%S}", f"{latest:%Y-%m-%d %H:%M:%S}"
    return f'<p><small>last change <time datetime="{machine}">{person}</time></small></p>'
