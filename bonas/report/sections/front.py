"""The front: its chart, the trial that is pointed at, and its table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bonas.plots.choices import differing
from bonas.report.charts.numbers import short
from bonas.report.counted import counted
from bonas.report.differences import ABSENT, choice_text
from bonas.report.front_chart import front_charts, without_names
from bonas.report.markup import Column, escaped, shortened, table
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section
from bonas.report.values import bare_value, decimals_of

_ROWS = 100  # of the table
_COLUMNS = 24  # parameters


def section(searched: Searched) -> Section | None:
    """Return the front; for one objective, the best value; None where nothing was measured."""
    if not searched.finished:
        return None
    is_alone = len(searched.objectives) == 1
    figures = "".join(without_names(chart).figure() for chart in front_charts(searched))
    layout = "split" if len(searched.objectives) <= 2 else "panels"
    detail = (
        '<aside id="detail" class="card" tabindex="0" aria-live="polite" aria-label="Trial" hidden>'
        "</aside>"
        '<p class="muted hint" hidden>Point at a trial to see it, here and in every chart; click '
        "keeps it, Escape lets it go. With the keyboard: Tab, then the arrows.</p>"
    )
    body = (
        f'<p>{escaped(_sentence(searched))}</p><div class="{layout}"><div class="charts">'
        f"{figures}</div><div>{detail}</div></div>{_table(searched)}"
    )
    return Section("front", "Best value" if is_alone else "Front", body)


def _sentence(searched: Searched) -> str:
    shown = len(searched.front)
    if not shown:
        return f"No network keeps the constraints, so that the front is empty.{_least(searched)}"
    if len(searched.objectives) == 1:
        text = f"{counted(shown, 'network has', 'networks have')} the best value"
    else:
        text = (
            f"{counted(shown, 'network is', 'networks are')} on the front: no other one that was "
            "measured is at least as good in each objective and better in one"
        )
    bounds = "; ".join(map(str, searched.constraints))
    return f"{text}, of those that keep {bounds}." if bounds else f"{text}."


def _least(searched: Searched) -> str:
    """Return which trial violates the constraints least, and by how much."""
    if searched.least_violated is None:
        return ""
    trial = searched.by_number[searched.least_violated]
    parts = [
        f"{shortened(name, 40)} was not measured"
        if math.isnan(excess)
        else f"{shortened(name, 40)} by {short(excess)}"
        for name, excess in trial.violations.items()
    ]
    what = ", ".join(parts) or "one of another program"
    return f" The least violated is trial {trial.number}: {what}."


def _table(searched: Searched) -> str:
    front = searched.front[:_ROWS]
    if not front:
        return ""
    every = differing([trial.choices for trial in searched.front])
    names = (every if len(searched.front) > 1 else list(front[0].choices))[:_COLUMNS]
    columns = [
        Column("trial"),
        *(Column(shortened(str(o), 60), "right") for o in searched.objectives),
        *(Column(shortened(name, 40)) for name in names),
    ]
    decimals = {o.name: decimals_of(t.values[o.name] for t in front) for o in searched.objectives}
    rows = [_row(trial, searched, names, decimals) for trial in front]
    notes = _notes(searched, every, names)
    found = table("Networks of the front", columns, rows, trials=[trial.number for trial in front])
    return f"<h3>{_title(searched)}</h3>{found}{notes}"


def _title(searched: Searched) -> str:
    if len(searched.front) == 1:
        return "The network and its choices"
    return "The networks, and the choices in which they differ"


def _row(
    trial: SearchedTrial,
    searched: Searched,
    names: Sequence[str],
    decimals: Mapping[str, int | None],
) -> list[str]:
    values = [escaped(bare_value(trial, o, decimals[o.name])) for o in searched.objectives]
    own = [
        escaped(choice_text(trial.choices[name]) if name in trial.choices else ABSENT)
        for name in names
    ]
    return [trial_button(trial.number), *values, *own]


def trial_button(number: int) -> str:
    """Return what selects a trial."""
    return f'<button type="button" class="trial" data-trial="{number}">{number}</button>'


def _notes(searched: Searched, every: Sequence[str], names: Sequence[str]) -> str:
    notes = []
    if len(searched.front) > 1:
        shared = {n for n in searched.front[0].choices if n not in every}
        if shared:
            notes.append(f"{counted(len(shared), 'choice is', 'choices are')} the same in all.")
        if len(every) > len(names):
            notes.append(f"{len(every) - len(names)} more choices differ.")
    if len(searched.front) > _ROWS:
        notes.append(f"The first {_ROWS} of {len(searched.front):,} are shown.")
    if any(trial.sds for trial in searched.front):
        notes.append("± is the standard deviation that the evaluation has reported.")
    return f'<p class="muted below">{escaped(" ".join(notes))}</p>' if notes else ""
