"""Text of XML: what a study holds is escaped here, and here only."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

_INVALID = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML does not have, and control characters."""
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of what follows, also outside the text that holds them."""


def escaped(value: object) -> str:
    """Return a text that is safe as content and within quotes, of HTML and of XML.

    Characters that XML does not have become ``?``; marks of direction are dropped.

    >>> escaped("<b>" + chr(0))
    '&lt;b&gt;?'
    """
    return html.escape(_BIDIRECTIONAL.sub("", _INVALID.sub("?", str(value))), quote=True)


def element(name: str, attributes: Mapping[str, object], *children: str) -> str:
    """Return an element; attributes are escaped, and left out where they are None or empty.

    ``children`` are markup.

    >>> element("text", {"class": "tick", "x": 3.14159, "id": None}, escaped("a < b"))
    '<text class="tick" x="3.1">a &lt; b</text>'
    """
    shown = (
        f' {key}="{coordinate(value) if isinstance(value, float) else escaped(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    inside = "".join(children)
    return f"<{name}{''.join(shown)}>{inside}</{name}>" if inside else f"<{name}{''.join(shown)}/>"


def coordinate(value: float) -> str:
    """Return a coordinate with at most one decimal: a picture is some hundred units wide.

    >>> coordinate(3.0), coordinate(2.516), coordinate(-0.001)
    ('3', '2.5', '0')
    """
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
