"""What the theme leaves out for readers without a mouse or without a picture of the page.

Code that is wider than the page is scrolled by keys, so it has to take the focus; the captions of
the navigation are headings, which have a level.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

_AFTER_THE_THEME = 900


def setup(app: Sphinx) -> dict[str, Any]:
    """Complete each page before it is written."""

    def complete(
        _: Sphinx, page: str, template: str, context: dict[str, Any], document: object
    ) -> None:
        context["body"] = focusable(context.get("body", ""))
        for name in ("furo_navigation_tree", "body"):
            context[name] = levelled(context.get(name, ""))

    app.connect("html-page-context", complete, priority=_AFTER_THE_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def focusable(html: str) -> str:
    """Return a page whose blocks of code can be reached by the tabulator."""
    return html.replace("<pre>", '<pre tabindex="0">')


def levelled(html: str) -> str:
    """Return a page whose captions are headings of the second level."""
    return html.replace('role="heading">', 'role="heading" aria-level="2">')
