"""Lines of source: long ones are broken at their brackets, as formatters do."""

from __future__ import annotations

from collections.abc import Iterator

WIDTH = 99
_OPEN, _CLOSE = "([{", ")]}"


def wrapped(line: str, indent: int = 0) -> list[str]:
    """Return a statement as lines of at most ``WIDTH`` characters, where brackets allow it.

    >>> wrapped("x = f(" + ", ".join(["argument"] * 12) + ")")[0]
    'x = f('
    """
    room = " " * indent
    if indent + len(line) <= WIDTH:
        return [room + line]
    place = _last_group(line)
    if place is None:
        return [room + line]
    start, end = place
    parts = list(split(line[start + 1 : end]))
    lines = [room + line[: start + 1]]
    comprehension = len(parts) == 1 and " for " in parts[0]
    for part in parts:
        *before, last = wrapped(part, indent + 4)
        comma = "" if comprehension or (part.startswith("*") and len(parts) == 1) else ","
        lines += [*before, last + comma]
    return [*lines, room + line[end:]]


def split(text: str) -> Iterator[str]:
    """Yield the parts of a text between the commas that are inside no bracket and no string."""
    begin = 0
    for place, depth, character in _outside_strings(text):
        if character == "," and not depth:
            yield text[begin:place].strip()
            begin = place + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def _last_group(line: str) -> tuple[int, int] | None:
    """Return where the last group of brackets that is inside no other opens and closes."""
    found, opened = None, 0
    for place, depth, character in _outside_strings(line):
        if character in _OPEN and depth == 0:
            opened = place
        elif character in _CLOSE and depth == 1 and place > opened + 1:
            found = opened, place
    return found


def _outside_strings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield place, depth before it, and character, for all characters outside strings."""
    depth, quote, escaped = 0, "", False
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
            continue
        yield place, depth, character
        if character in "'\"":
            quote = character
        depth += (character in _OPEN) - (character in _CLOSE)
