"""The page of a report: one HTML document that needs no other file and makes no request.

Its content security policy forbids every request, and every script except those of the page, which
it knows by their digests: a text of a study that was not escaped could not run.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from bonas.drawings.kinds import Kind
from bonas.drawings.theme import properties
from bonas.drawings.theme import style as drawing_style
from bonas.report.charts import style
from bonas.report.markup import escaped
from bonas.report.section import Section


def page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    footer: str,
    *,
    scripts: Sequence[str] = (),
    is_served: bool = False,
) -> str:
    """Return the document.

    Args:
        title: Plain text.
        subtitle: The same, below the title.
        sections: In their order.
        footer: HTML.
        scripts: JavaScript that runs after that of the page; must not contain ``</script``.
        is_served: Whether scripts may make requests to the server that the page comes from.
    """
    every = [resource("script.js"), *scripts]
    digests = " ".join(f"'sha256-{_digest(script)}'" for script in every)
    connections = "'self'" if is_served else "'none'"
    policy = (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data:; "
        f"connect-src {connections}; base-uri 'none'; form-action 'none'"
    )
    links = "".join(
        f'<li><a href="#{escaped(each.anchor)}">{escaped(each.title)}</a></li>' for each in sections
    )
    body = "".join(
        f'<section id="{escaped(each.anchor)}" aria-labelledby="{escaped(each.anchor)}-title">'
        f'<h2 id="{escaped(each.anchor)}-title">{escaped(each.title)}</h2>\n{each.html}\n'
        "</section>\n"
        for each in sections
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="bonas">
<title>{escaped(title)}</title>
<link rel="icon" href="data:,">
<style>{_style()}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<div><h1>{escaped(title)}</h1><p class="subtitle">{escaped(subtitle)}</p></div>
<button id="theme" type="button" hidden>Dark</button>
</header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main id="main" tabindex="-1">
{body}</main>
<footer>{footer}</footer>
{"".join(f"<script>{script}</script>" for script in every)}
</body>
</html>
"""


@cache
def _style() -> str:
    """Return the style sheets of the page, of charts, and the colours of drawings."""
    light, dark = properties(dark=False), properties(dark=True)
    themes = f':root[data-theme="light"]{{{light}}}:root[data-theme="dark"]{{{dark}}}'
    drawings = drawing_style({*Kind})
    printed = f"@media print{{:root,:root[data-theme]{{{light}}}}}"
    return f"{_packed(resource('style.css') + style())}{drawings}{themes}{printed}"


def _packed(sheet: str) -> str:
    """Return a style sheet without comments, and without spaces that say nothing.

    >>> _packed("/* a page */ a, b { color: red; }")
    'a,b{color: red;}'
    """
    return re.sub(
        r"\s*([{};,])\s*", r"\1", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    ).strip()


@cache
def resource(name: str) -> str:
    """Return a file of the package that a page contains."""
    return files("bonas.report").joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
