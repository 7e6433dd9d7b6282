"""Markup: texts and tables as HTML, with everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bonas.report.charts.markup import escaped

__all__ = ["Column", "escaped", "facts", "listed", "shortened", "table"]


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


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    trials: Sequence[int] = (),
) -> str:
    """Return a table that scrolls within the page.

    Args:
        caption: What it shows, as plain text, for those who hear the page.
        columns: Of the table; the first one names the row.
        rows: The cells as HTML: escaped.
        trials: The number of the trial of each row, where rows are trials.
    """
    head = "".join(
        f'<th scope="col"{_aligned(column)}>{escaped(column.title)}</th>' for column in columns
    )
    links = [f' data-trial="{number}"' for number in trials] or [""] * len(rows)
    body = "".join(
        f"<tr{link}>{_cells(columns, row)}</tr>" for row, link in zip(rows, links, strict=True)
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escaped(caption)}">'
        f'<table><caption class="hidden">{escaped(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def listed(items: Sequence[str]) -> str:
    """Return a list of items that are HTML; one item stands alone, none is empty."""
    if len(items) <= 1:
        return "".join(items)
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return pairs of a term (plain text) and what is said of it (HTML)."""
    cells = "".join(f"<div><dt>{escaped(term)}</dt><dd>{said}</dd></div>" for term, said in rows)
    return f'<dl class="facts">{cells}</dl>'


def _cells(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = zip(columns, row, strict=True)
    named = f'<th scope="row"{_aligned(first[0])}>{first[1]}</th>'
    return named + "".join(f"<td{_aligned(column)}>{cell}</td>" for column, cell in others)


def _aligned(column: Column) -> str:
    return ' class="number"' if column.align == "right" else ""
