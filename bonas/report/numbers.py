"""Numbers as a person reads them: a few digits, a unit, a duration."""

from __future__ import annotations

import math

_MINUS = "\N{MINUS SIGN}"
_SECONDS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def number(value: float, digits: int = 4) -> str:
    """Return a number with so many significant digits, as plain text.

    >>> number(0.000012345), number(91.2345), number(1234567.0), number(-3.0)
    ('1.234e-05', '91.23', '1,235,000', '−3')
    >>> number(float("nan")), number(float("inf"))
    ('–', '∞')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    size = abs(value)
    if size >= 10.0**digits:
        exponent = math.floor(math.log10(size)) - digits + 1
        text = f"{round(size, -exponent):,.0f}" if size < 1e9 else f"{size:.{digits}g}"
    else:
        text = f"{size:.{digits}g}"
    return f"{_MINUS}{text}" if value < 0 else text


def with_unit(value: float, unit: str, digits: int = 4) -> str:
    r"""Return a number and its unit, as plain text.

    >>> with_unit(91.2345, "%"), with_unit(4.0, "")
    ('91.23\u202f%', '4')
    """
    return f"{number(value, digits)}\N{NARROW NO-BREAK SPACE}{unit}" if unit else number(value)


def duration(seconds: float) -> str:
    """Return a time in its two largest units.

    >>> duration(0.25), duration(42.4), duration(3725), duration(200000)
    ('0.25 s', '42 s', '1 h 2 min', '2 d 7 h')
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    rest, parts = seconds, list[str]()
    for size, unit in _SECONDS:
        if rest >= size or parts:
            parts.append(f"{int(rest // size)} {unit}")
            rest %= size
    if len(parts) == 1:
        parts.append(f"{int(rest)} s")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number of things in words.

    >>> counted(1, "trial"), counted(3, "trial"), counted(2, "fully", "fully")
    ('1 trial', '3 trials', '2 fully')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
