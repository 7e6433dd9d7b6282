"""How wide a text is, without asking a font.

The widths of ASCII are those of Helvetica (Adobe), which Arial and Liberation Sans share, in
thousandths of the font size, and a tenth more, since the reader may have none of them. Other
characters count as wide as Unicode's East Asian widths say.
"""

from __future__ import annotations

import unicodedata

_CLASSES = {
    222: "'ijl",
    260: "|",
    278: " !,./:;I[\\]ft",
    333: "()-`r",
    355: '"',
    389: "*",
    469: "^",
    500: "Jckksvxyz",
    556: "#$0123456789?L_abdeghnopqu",
    584: "+<=>~×−",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "…",
    1015: "@",
    334: "{}",
}
_WIDTHS = {letter: width for width, letters in _CLASSES.items() for letter in letters}
_NARROW, _WIDE = 620, 1000
_BOLD = 1.18
_SPARE = 1.1


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text, in the unit of the font size."""
    width = size * _SPARE * sum(map(_width, text)) / 1000
    return width * _BOLD if bold else width


def shortened(text: str, size: float, most: float) -> str:
    """Return a text that is at most ``most`` wide: itself, or its beginning and an ellipsis."""
    if text_width(text, size) <= most:
        return text
    room, kept = most - text_width("…", size), 0.0
    for i, letter in enumerate(text):
        kept += text_width(letter, size)
        if kept > room:
            return text[:i].rstrip() + "…"
    return text


def wrapped(text: str, size: float, most: float) -> list[str]:
    """Return a text in lines that are at most ``most`` wide, except for longer words.

    >>> wrapped("one two three", 10, 50)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= most:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _width(letter: str) -> int:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.combining(letter):
        return 0
    return _WIDE if unicodedata.east_asian_width(letter) in "WFA" else _NARROW
