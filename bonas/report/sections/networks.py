"""The networks of the front, drawn, and what each changes of its neighbour."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from itertools import pairwise

from bonas.drawings import draw
from bonas.errors import BonasError
from bonas.report.counted import counted
from bonas.report.differences import changes
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section
from bonas.report.sections.front import trial_button
from bonas.report.values import value_text
from bonas.spaces import Outline, Space
from bonas.studies.lineage.networks import changed_trials

_NETWORKS = 12  # that are drawn
_CHARACTERS = 240_000  # of all drawings
_CHANGES = 12  # that are listed

_ENLARGE = '<button type="button" class="enlarge" aria-pressed="false" hidden>Full size</button>'

_STYLE = re.compile('<style>[^<]*</style>| (?:fill|stroke)="#[0-9a-f]+"')
"""In a drawing: what the page has once, and colours for programs that know no style sheets."""

_logger = logging.getLogger(__name__)


def section(searched: Searched) -> Section | None:
    """Return the networks; None if none is on the front, or none has choices."""
    if not any(trial.choices for trial in searched.front):
        return None
    shown = evenly(searched.front, _NETWORKS)
    drawings = {} if searched.space is None else _drawings(shown, searched, searched.space)
    figures, before = [], None
    for trial in searched.front:
        if trial in shown:
            figures.append(_network(trial, before, searched, drawings.get(trial.number, "")))
        before = trial
    notes = [*_notes(searched, shown, drawings)]
    text = f'<p class="muted">{escaped(" ".join(notes))}</p>' if notes else ""
    title = "Networks of the front" if len(searched.objectives) > 1 else "The best networks"
    return Section("networks", title, f'{text}<div class="networks">{"".join(figures)}</div>')


def evenly(front: Sequence[SearchedTrial], most: int) -> list[SearchedTrial]:
    """Return at most so many, both ends and those evenly between them."""
    n = len(front)
    if n <= most:
        return list(front)
    return [front[round(i * (n - 1) / (most - 1))] for i in range(most)]


def _drawings(trials: Sequence[SearchedTrial], searched: Searched, space: Space) -> dict[int, str]:
    """Return the pictures of networks that can be drawn, within the characters there are.

    What a network has and its neighbour has not is marked.
    """
    rebuilt = {trial.number for trial in changed_trials([t.frozen for t in trials], space)}
    before = {b.number: a for a, b in pairwise(searched.front)}
    found: dict[int, str] = {}
    for trial in trials:
        if trial.number in rebuilt:
            continue
        neighbour = before.get(trial.number)
        try:
            svg = draw(
                _outline(trial, space),
                compared_with=None if neighbour is None else _outline(neighbour, space),
                title=f"Network of trial {trial.number}",
            ).svg
            svg = _STYLE.sub("", svg)
        except Exception as error:  # the space is the user's, and so are its errors
            level = logging.DEBUG if isinstance(error, BonasError) else logging.WARNING
            _logger.log(level, "the network of trial %d is not drawn: %s", trial.number, error)
            continue
        if sum(map(len, found.values())) + len(svg) <= _CHARACTERS:
            found[trial.number] = svg
    return found


def _outline(trial: SearchedTrial, space: Space) -> Outline:
    own = {name: trial.choices[name] for name in space.distributions if name in trial.choices}
    return space.outline(space.completed(own))


def _network(
    trial: SearchedTrial, before: SearchedTrial | None, searched: Searched, svg: str
) -> str:
    values = "".join(
        f"<span>{escaped(shortened(o.name, 40))} <b>{escaped(value_text(trial, o))}</b></span>"
        for o in searched.objectives
    )
    picture = f'<div class="drawing" tabindex="0" role="group" aria-label="Network">{svg}</div>'
    return (
        f'<figure class="network card" id="trial-{trial.number}" data-trial="{trial.number}">'
        f"<figcaption><h3>Trial {trial_button(trial.number)}</h3>"
        f'<p class="values">{values}</p>{_ENLARGE if svg else ""}</figcaption>'
        f"{picture if svg else ''}{_changed(trial, before)}</figure>"
    )


def _changed(trial: SearchedTrial, before: SearchedTrial | None) -> str:
    """Return what a network changes of its neighbour on the front."""
    if before is None:
        return ""
    found = changes(before.choices, trial.choices)
    rows = "".join(
        f"<li><code>{escaped(shortened(name, 48))}</code> {escaped(old)} → "
        f"<b>{escaped(new)}</b></li>"
        for name, old, new in found[:_CHANGES]
    )
    more = len(found) - _CHANGES
    rows += f"<li>and {counted(more, 'more choice')}</li>" if more > 0 else ""
    title = f"Against trial {before.number}, its neighbour"
    return f"<h4>{escaped(title)}</h4><ul>{rows or '<li>no choice differs</li>'}</ul>"


def _notes(
    searched: Searched, shown: Sequence[SearchedTrial], drawings: dict[int, str]
) -> list[str]:
    """Return which networks are not shown or drawn, and what would show them."""
    notes = []
    if len(shown) < len(searched.front):
        notes.append(f"{len(shown)} of {len(searched.front):,}, evenly along the front.")
    if searched.space is None:
        notes.append(
            "The networks are not drawn, since the study does not hold their space: give it, as in "
            "bonas report --space my_search:space, or call result.report()."
        )
    elif len(drawings) < len(shown):
        notes.append(
            f"{counted(len(shown) - len(drawings), 'network is', 'networks are')} not drawn: too "
            "large for this page, or built by code that has changed since."
        )
    return notes
