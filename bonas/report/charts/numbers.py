"""Numbers for people: short, with a unit, and times in the unit that suits them."""

from __future__ import annotations

import math

_SUFFIXES = {3: "k", 6: "M", 9: "G", 12: "T"}
_UNITS = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"))

_SHORT = 0.2  # seconds below which milliseconds are better


def short(value: float, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits.

    >>> short(93.7712), short(1_234_567), short(0.0000321), short(12.0), short(float("nan"))
    ('93.77', '1.235M', '3.21e-5', '12', '–')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "-∞"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")  # first, so that 999,999 is 1M
    if float(mantissa) == 0:
        return "0"
    exponent = _exponent(int(power))
    if exponent == 0 and int(power) >= digits:
        return f"{value:,.0f}"
    return _plain(float(mantissa) * 10.0 ** (int(power) - exponent), digits) + suffix(exponent)


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
    return (1e-3, "ms") if 0 < seconds < _SHORT else (1.0, "s")


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> duration(7.25), duration(754.0), duration(50_000.0)
    ('7.25 s', '12.6 min', '13.9 h')
    """
    size, name = time_unit(seconds)
    return f"{short(seconds / size, 3)} {name}"


def engineering(magnitude: float) -> int:
    """Return the power of ten that a number of that magnitude is written with: 0 is plain."""
    return _exponent(int(f"{magnitude:e}".split("e")[1]))


def _exponent(power: int) -> int:
    """Return the same for a number whose first digit has that power of ten."""
    if -3 <= power < 5:
        return 0
    return power if power < 0 else power - power % 3


def suffix(exponent: int) -> str:
    """Return how a power of ten is written behind a number."""
    return "" if exponent == 0 else _SUFFIXES.get(exponent, f"e{exponent}")


def _plain(value: float, digits: int) -> str:
    """Return a number without an exponent; thousands are separated."""
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
