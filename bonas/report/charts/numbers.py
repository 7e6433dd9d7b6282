"""Numbers for people: short, with a unit, and times in the unit that suits them."""

from __future__ import annotations

import math

_SUFFIXES = {3: "k", 6: "M", 9: "G", 12: "T"}
_UNITS = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))


def short(value: float, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits.

    >>> short(93.7712), short(1_234_567), short(0.0000321), short(12.0), short(float("nan"))
    ('93.77', '1.235M', '3.21e-5', '12', '–')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "-∞"
    rounded = float(f"{value:.{digits - 1}e}")  # first, so that 999,999 is 1M
    if rounded == 0:
        return "0"
    exponent = engineering(abs(rounded))
    return _plain(rounded / 10.0**exponent, digits) + suffix(exponent)


def with_unit(value: float, unit: str) -> str:
    """Return a short number and its unit.

    >>> with_unit(3.14159, "ms"), with_unit(12.0, "")
    ('3.142 ms', '12')
    """
    return f"{short(value)} {unit}".rstrip()


def time_unit(seconds: float) -> tuple[float, str]:
    """Return how many seconds the unit has that suits a duration, and its name.

    >>> time_unit(5_400.0), time_unit(20.0)
    ((60.0, 'min'), (1.0, 's'))
    """
    for size, name in _UNITS:
        if seconds >= 2 * size:
            return size, name
    return (1.0, "s") if not seconds > 0 else (1e-3, "ms")


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> duration(7.25), duration(754.0), duration(50_000.0)
    ('7.25 s', '12.6 min', '13.9 h')
    """
    size, name = time_unit(seconds)
    return f"{short(seconds / size, 3)} {name}"


def engineering(magnitude: float) -> int:
    """Return the power of ten that a number of that magnitude is written with: 0 is plain."""
    if 1e-3 <= magnitude < 1e5:
        return 0
    power = math.floor(math.log10(magnitude))
    return power if magnitude < 1e-3 else power - power % 3


def suffix(exponent: int) -> str:
    """Return how a power of ten is written behind a number."""
    return "" if exponent == 0 else _SUFFIXES.get(exponent, f"e{exponent}")


def _plain(value: float, digits: int) -> str:
    """Return a number without an exponent; thousands are separated."""
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
