"""What a notebook shows of a search: its front as a small picture and a table, and notes.

Colours are those of the notebook: text is ``currentColor``, and all else is part of it or a tone
that is legible on white and on black.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bonas.plots.choices import differing
from bonas.report.charts.axis import Scale
from bonas.report.charts.markup import coordinate, element
from bonas.report.counted import counted
from bonas.report.differences import ABSENT, choice_text
from bonas.report.front_chart import ordered_pair, value_axis
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.values import bare_value, decimals_of

_ROWS = 12  # of the table
_COLUMNS = 8  # choices
_POINTS = 400  # of the picture
_WIDTH, _HEIGHT = 280.0, 190.0
_FRONT = "#c2570c"
_CELL = "padding:.2em .9em .2em 0;white-space:nowrap;font-variant-numeric:tabular-nums;"
_HEAD = f"{_CELL}font-weight:600;border-bottom:1px solid currentColor;"


def result_html(searched: Searched, notes: Sequence[str] = ()) -> str:
    """Return a search as HTML without scripts, for ``_repr_html_``.

    Args:
        searched: The search.
        notes: Lines of text below the table.
    """
    if searched.front:
        n, m = len(searched.front), len(searched.finished)
        title = f"{counted(n, 'network')} on the front, of {m:,} measured"
        if len(searched.objectives) == 1:
            title = f"The best of {counted(m, 'network')}"
        shown = searched.front[:_ROWS]
        parts = [_picture(searched), _table(searched, shown)]
        more, left = n - len(shown), len(_choices(shown)) - _COLUMNS
        below = [f"{more} more on the front"] * (more > 0)
        below += [f"{counted(left, 'more choice')} not shown"] * (left > 0)
        below += notes
    else:
        title, parts, below = "Nothing is on the front yet", [], [*notes]
    said = "".join(f'<div style="opacity:.75">{escaped(note)}</div>' for note in below if note)
    return (
        f'<div style="font-size:.92em"><div style="margin:.2em 0 .6em"><b>{escaped(title)}</b>'
        '</div><div style="display:flex;flex-wrap:wrap;gap:1.6em;align-items:flex-start">'
        f"{''.join(parts)}</div>{said}</div>"
    )


def table_html(head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """Return a table of numbers and the notes below it, for ``_repr_html_``; all are texts."""
    said = "".join(f'<div style="opacity:.75">{escaped(note)}</div>' for note in notes)
    return f'<div style="font-size:.92em">{_scrolling(head, rows, len(head))}{said}</div>'


def _scrolling(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: int) -> str:
    """Return a table that scrolls within the output; the first columns stand to the right."""
    body = "".join(f"<tr>{_cells('td', row, numeric)}</tr>" for row in rows)
    return (
        '<div tabindex="0" style="overflow-x:auto;max-width:100%;min-width:0;flex:1 1 24em">'
        '<table style="border-collapse:collapse;color:inherit;font-size:inherit">'
        f"<thead><tr>{_cells('th', head, numeric)}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _table(searched: Searched, front: Sequence[SearchedTrial]) -> str:
    objectives = searched.objectives
    names = _choices(front)[:_COLUMNS]
    decimals = [decimals_of(trial.values[o.name] for trial in front) for o in objectives]
    names_shown = (shortened(name, 24) for name in names)
    head = ["trial", *(shortened(o, 40) for o in objectives), *names_shown]
    rows = []
    for trial in front:
        values = [bare_value(trial, o, d) for o, d in zip(objectives, decimals, strict=True)]
        own = [choice_text(trial.choices[n]) if n in trial.choices else ABSENT for n in names]
        rows.append([str(trial.number), *values, *own])
    return _scrolling(head, rows, 1 + len(objectives))


def _choices(front: Sequence[SearchedTrial]) -> list[str]:
    """Return the names of the choices that a table shows: those that differ."""
    return differing([t.choices for t in front]) if len(front) > 1 else list(front[0].choices)


def _cells(tag: str, texts: Sequence[str], numeric: int) -> str:
    """Return cells; the first ``numeric`` stand to the right."""
    style = _HEAD if tag == "th" else _CELL
    return "".join(
        f'<{tag} style="{style}text-align:{"right" if i < numeric else "left"}">'
        f"{escaped(text)}</{tag}>"
        for i, text in enumerate(texts)
    )


def _picture(searched: Searched) -> str:
    """Return the front among all that was measured; empty unless there are two objectives."""
    if len(searched.objectives) != 2:
        return ""
    across, up = ordered_pair(*searched.objectives)
    trials = searched.finished[-_POINTS:]
    every = [*trials, *searched.front]
    x = value_axis(searched, across).over((t.values[across.name] for t in every), 44.0, _WIDTH - 8)
    y = value_axis(searched, up).over((t.values[up.name] for t in every), _HEIGHT - 36, 20.0)
    front = sorted(searched.front, key=lambda t: t.values[across.name])
    front = front[::-1] if across.direction == "maximize" else front
    places = [(x.at(t.values[across.name]), y.at(t.values[up.name])) for t in front]
    steps = "".join(f"H{coordinate(b[0])}V{coordinate(b[1])}" for _, b in pairwise(places))
    line = f"M{coordinate(places[0][0])} {coordinate(places[0][1])}{steps}"
    dots = "".join(
        _dot(x.at(t.values[across.name]), y.at(t.values[up.name]), "currentColor", 0.35)
        for t in trials
    )
    dots += element("path", {"d": line, "fill": "none", "stroke": _FRONT, "stroke-width": "1.5"})
    dots += "".join(_dot(*place, _FRONT, 1.0) for place in places)
    labels = _ticks(x, y) + _label(_WIDTH - 8, _HEIGHT - 4, "end", shortened(across, 36))
    labels += _label(4.0, 11.0, "start", shortened(up, 36))
    name = f"{shortened(up.name, 36)} against {shortened(across.name, 36)}"
    attributes = {
        "viewBox": f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        "width": f"{_WIDTH:g}",
        "height": f"{_HEIGHT:g}",
        "role": "img",
        "aria-label": name,
        "style": "max-width:100%;flex:none",
    }
    return element("svg", attributes, labels, dots)


def _ticks(x: Scale, y: Scale) -> str:
    found = "".join(_label(at, _HEIGHT - 20, "middle", text) for at, text in x.ticks(4))
    found += "".join(_label(38.0, at + 3.5, "end", text) for at, text in y.ticks(4))
    axes = f"M{coordinate(x.start)} {coordinate(y.end)}V{coordinate(y.start)}H{coordinate(x.end)}"
    faint = {"fill": "none", "stroke": "currentColor", "stroke-opacity": "0.3"}
    return element("path", {"d": axes, **faint}) + found


def _label(x: float, y: float, anchor: str, text: str) -> str:
    attributes = {"x": x, "y": y, "text-anchor": anchor, "font-size": "10", "fill": "currentColor"}
    return element("text", attributes, escaped(text))


def _dot(x: float, y: float, colour: str, opacity: float) -> str:
    place = {"cx": x, "cy": y, "r": "2.6"}
    return element("circle", {**place, "fill": colour, "fill-opacity": f"{opacity:g}"})
