"""Values of objectives with their spread and unit, as plain text."""

from __future__ import annotations

import math
from collections.abc import Iterable

from bonas.evaluation import Objective
from bonas.report.charts.numbers import short
from bonas.report.searched_trial import SearchedTrial

MISSING = "–"
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_DIGITS = 4
_PLAIN = (1e-2, 1e5)  # magnitudes that are written without an exponent or a suffix


def with_unit(text: str, objective: Objective) -> str:
    """Return a value as text with the unit behind it."""
    return f"{text}{_NARROW}{objective.unit}" if objective.unit and text != MISSING else text


def value_text(trial: SearchedTrial, objective: Objective) -> str:
    """Return a trial's value with unit and, where one is reported, standard deviation."""
    return with_unit(bare_value(trial, objective), objective)


def bare_value(trial: SearchedTrial, objective: Objective, decimals: int | None = None) -> str:
    """Return the same without the unit; a dash where nothing was measured.

    Args:
        trial: A trial.
        objective: One of its objectives.
        decimals: Of a column in which all values have the same; None for four digits.
    """
    value = trial.values.get(objective.name)
    if value is None:
        return MISSING
    return f"{_text(value, decimals)}{spread_text(trial, objective, decimals)}"


def spread_text(trial: SearchedTrial, objective: Objective, decimals: int | None = None) -> str:
    """Return `` ± `` and the standard deviation; empty where none is reported."""
    sd = trial.sds.get(objective.name)
    if sd is None:
        return ""
    return f" ± {short(sd, 2) if decimals is None else _text(sd, decimals)}"


def decimals_of(values: Iterable[float]) -> int | None:
    """Return the decimals with which all values of a column are written; None for four digits.

    No more than the values need.

    >>> decimals_of([93.15, 63.8]), decimals_of([0.5, 2e7]), decimals_of([120_000.0, 98_000.0])
    (2, None, None)
    >>> decimals_of([3.0, 12.0])
    0
    """
    known = list(values)
    sizes = [abs(value) for value in known if value]
    if not sizes or max(sizes) >= _PLAIN[1] or max(sizes) < _PLAIN[0]:
        return None
    if min(sizes) < max(sizes) * 10.0 ** (1 - _DIGITS):
        return None
    most = max(0, _DIGITS - 1 - math.floor(math.log10(max(sizes))))
    needed = (d for d in range(most) if all(round(v, d) == round(v, most) for v in known))
    return next(needed, most)


def _text(value: float, decimals: int | None) -> str:
    return short(value) if decimals is None else f"{value:,.{decimals}f}".replace("-", "−")
