"""The pages: all studies as cards, the report of one, and what is said where there is none."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from optuna import Study

from bonas.errors import StorageUnavailable
from bonas.live.card import card
from bonas.live.watcher import State
from bonas.report.counted import counted
from bonas.report.markup import escaped, shortened
from bonas.report.page import page
from bonas.report.report import Report
from bonas.report.searched import Searched
from bonas.report.section import Section
from bonas.spaces import Space

SpaceOf = Callable[[Study], Space | None]
"""A study -> what was searched, if known."""
_STYLE = """
.cards { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  box-shadow: var(--shadow); padding: 1.1rem 1.2rem; min-width: 0; }
.card h3 { margin: 0 0 .6rem; font-size: 1.05rem; overflow-wrap: anywhere; }
.card p { margin: .4rem 0; }
.card dl { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .15rem 1rem;
  margin: .6rem 0; }
.card dt { color: var(--muted); overflow-wrap: anywhere; }
.card dd { margin: 0; font-variant-numeric: tabular-nums; text-align: right; }
.card progress { display: block; width: 100%; height: .5rem; accent-color: var(--accent); }
.card figure { margin: .6rem 0 0; }
"""
_LIVE_STYLE = """
#live { position: fixed; z-index: 4; right: 1rem; bottom: 1rem; margin: 0; padding: .15rem .7rem;
  max-width: min(40rem, calc(100vw - 2rem)); border: 1px solid var(--line); border-radius: 1rem;
  background: var(--page); color: var(--muted); font-size: .85rem; overflow-wrap: anywhere; }
#live::before { content: "\\25cf\\2002"; color: #1a7f4b; }
#live.late { color: var(--text); }
#live.late::before { color: #c2570c; }
@media print { #live { display: none; } }
"""
_logger = logging.getLogger(__name__)


def link_to(study: str) -> str:
    """Return the path of a study's report."""
    return f"/report?study={quote(study, safe='', errors='replace')}"


def study_card(study: Study, space_of: SpaceOf) -> str:
    """Return the card of a study; one that says so where it cannot be made."""
    name = study.study_name
    try:
        return card(Searched.of(study, space_of(study)), link_to(name))
    except StorageUnavailable:
        raise
    except Exception as error:
        _logger.warning("the card of %r cannot be made", name, exc_info=True)
        what = escaped(f"{type(error).__name__}: {error}")
        shown = escaped(shortened(name))
        return f'<article class="card"><h3>{shown}</h3><p>It cannot be shown: {what}</p></article>'


def report_page(study: Study, version: str, every: float, space_of: SpaceOf) -> str:
    """Return the report of a study, as a page that refreshes itself."""
    try:
        report = Report.of(study, space_of(study))
        script = _script(version, every, study.study_name)
        return _placed(_with_way_back(report.html(scripts=[script], is_served=True)))
    except StorageUnavailable:
        raise
    except Exception as error:
        _logger.warning("the report of %r cannot be made", study.study_name, exc_info=True)
        what = escaped(f"{type(error).__name__}: {error}")
        section = Section("trouble", "No report", f"<p>It cannot be made: {what}</p>{_BACK}")
        return _live_page(study.study_name, "", section, _script(version, every, study.study_name))


def index_page(state: State, where: str, every: float) -> str:
    """Return all studies side by side."""
    cards = "".join(study.card for study in state.studies.values())
    if state.read_at is None:
        body = f"<p>The storage was not read yet: {escaped(state.trouble or 'it takes long')}</p>"
    elif not cards:
        body = "<p>There is no study yet. This page shows it as soon as there is one.</p>"
    else:
        body = f'<div class="cards">{cards}</div>'
    title = counted(len(state.studies), "study", "studies")
    section = Section("studies", title, f"<style>{_STYLE}</style>{body}")
    return _live_page("Searches", where, section, _script(state.version, every))


def missing_page(state: State, study: str) -> str:
    """Return what is said of a study that does not exist: which ones do."""
    links = "".join(
        f'<li><a href="{escaped(link_to(name))}">{escaped(shortened(name))}</a></li>'
        for name in state.studies
    )
    known = f"<p>There are:</p><ul>{links}</ul>" if links else "<p>There is none yet.</p>"
    body = f"<p>There is no study <b>{escaped(shortened(study))}</b> here.</p>{known}{_BACK}"
    return page("No such study", "", [Section("missing", "No such study", body)], "")


def waiting_page(state: State, study: str, every: float) -> str:
    """Return what is said while the report of a study cannot be made, since nothing was read."""
    why = state.trouble or "it takes long"
    body = f"<p>The storage was not read yet: {escaped(why)}</p>{_BACK}"
    section = Section("waiting", "Not read yet", body)
    return _live_page(study, "", section, _script("", every, study))


_BACK = '<p><a href="/">All studies</a></p>'


def _live_page(title: str, subtitle: str, section: Section, script: str) -> str:
    return _placed(page(title, subtitle, [section], "", scripts=[script], is_served=True))


def _placed(html: str) -> str:
    """Return a page with the style of the badge."""
    return html.replace("</style>\n</head>", f"{_LIVE_STYLE}</style>\n</head>", 1)


def _with_way_back(html: str) -> str:
    """Return a page that leads to all studies, too."""
    sections = '<nav aria-label="Sections"><ul>'
    return html.replace(sections, f'{sections}<li><a href="/">All studies</a></li>', 1)


def _script(version: str, every: float, study: str | None = None) -> str:
    """Return the script that refreshes a page of that version."""
    address = "/state" if study is None else link_to(study).replace("/report", "/state", 1)
    values = {"VERSION": version, "STATE": address, "EVERY": round(1_000 * every)}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    return f"{{\n{head}{_refresh()}}}\n"


@cache
def _refresh() -> str:
    return files("bonas.live").joinpath("refresh.js").read_text(encoding="utf-8")
