"""Markdown of texts that any program may have written."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:$^=\"'])")
_LONGEST = 160  # characters of a text


def plain(value: object, longest: int = _LONGEST) -> str:
    r"""Return a text of one line that Markdown shows as it is.

    >>> plain("a_b <script>\n| c")
    'a\\_b \\<script\\> \\| c'
    """
    text = " ".join(str(value).split())
    return _SPECIAL.sub(r"\\\1", text if len(text) <= longest else f"{text[: longest - 1]}…")


def code(text: str) -> str:
    """Return a command as a block of code, whatever is in it."""
    line = " ".join(text.split())
    runs = (len(run) for run in re.findall("`+", line))
    fence = "`" * max(3, 1 + max(runs, default=0))
    return f"{fence}\n{line}\n{fence}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts, whose numbers, from the second column on, stand to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    shown = [" | ".join(map(plain, heads)), " | ".join(lines[1])]
    shown += [" | ".join(map(plain, row)) for row in rows]
    return "\n".join(f"| {line} |" for line in shown)
