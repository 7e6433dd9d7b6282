"""Markup: texts and tables as HTML, with everything escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_UNSHOWABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What HTML or SVG may not hold, or UTF-8 cannot encode."""
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of what follows, also outside the text that holds them."""


def escaped(value: object) -> str:
    """Return a text for the content or a quoted attribute of HTML or SVG.

    Characters that neither can hold become the replacement character.

    >>> escaped('<a href="x">')
    '&lt;a href=&quot;x&quot;&gt;'
    """
    shown = _BIDIRECTIONAL.sub("", _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(value)))
    return html.escape(shown, quote=True)


def shortened(value: object, longest: int = 60) -> str:
    """Return a text of at most so many characters, not yet escaped; what is cut off becomes ….

    >>> shortened("a long name", 7)
    'a long…'
    """
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading, as plain text.
        align: ``right`` for numbers, which stand in figures of equal width.
    """

    title: str
    align: Literal["left", "right"] = "left"


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Return a table that scrolls within the page.

    Args:
        caption: What it shows, as plain text, for those who hear the page.
        columns: Of the table; the first one names the row.
        rows: The cells as HTML: escaped.
    """
    head = "".join(
        f'<th scope="col"{_aligned(column)}>{escaped(column.title)}</th>' for column in columns
    )
    body = "".join(f"<tr>{_cells(columns, row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(caption)}">'
        f'<table><caption class="hidden">{escaped(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = zip(columns, row, strict=True)
    named = f'<th scope="row"{_aligned(first[0])}>{first[1]}</th>'
    return named + "".join(f"<td{_aligned(column)}>{cell}</td>" for column, cell in others)


def _aligned(column: Column) -> str:
    return ' class="number"' if column.align == "right" else ""
