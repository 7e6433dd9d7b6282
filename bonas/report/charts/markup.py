"""Text of XML: what a study holds is escaped here, and here only."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

_INVALID = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(value: object) -> str:
    """Return a text that is safe as content and within quotes, of HTML and of XML.

    Characters that XML does not have become ``?``.

    >>> escaped("<b>" + chr(0))
    '&lt;b&gt;?'
    """
    return html.escape(_INVALID.sub("?", str(value)), quote=True)


def element(name: str, attributes: Mapping[str, object], *children: str) -> str:
    """Return an element; attributes are escaped, and left out where they are None or empty.

    ``children`` are markup.

    >>> element("text", {"class": "tick", "x": 3.14159, "id": None}, escaped("a < b"))
    '<text class="tick" x="3.14">a &lt; b</text>'
    """
    shown = (
        f' {key}="{coordinate(value) if isinstance(value, float) else escaped(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    inside = "".join(children)
    return f"<{name}{''.join(shown)}>{inside}</{name}>" if inside else f"<{name}{''.join(shown)}/>"


def coordinate(value: float) -> str:
    """Return a coordinate with at most two decimals.

    >>> coordinate(3.0), coordinate(2.516), coordinate(-0.001)
    ('3', '2.52', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
