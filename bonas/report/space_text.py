"""A space in words: its name, its parameters grouped by their options, and its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from optuna.distributions import BaseDistribution, CategoricalDistribution

from bonas.report.counted import counted
from bonas.report.markup import shortened
from bonas.report.searched import Searched
from bonas.texts import RESERVED

_OPTIONS: Final = 12  # of a parameter that are listed
_GROUPS: Final = 12  # of parameters that are listed
_PARTS: Final = {"space", "parameters", "evaluation", "objectives", "input"}
"""Of a description: what is no setting of the space, with all under reserved names."""


def space_name(searched: Searched) -> str:
    """Return what the study calls its space; empty if it does not."""
    name: object = (searched.description or {}).get("space", "")
    return name if isinstance(name, str) else ""


def parameters_of(searched: Searched) -> dict[str, list[str]]:
    """Return a parameter's name -> its options as texts, or its range as one text."""
    stored: object = (searched.description or {}).get("parameters", {})
    found: dict[str, list[str]] = {}
    if isinstance(stored, dict):
        found |= {name: [str(o) for o in own] for name, own in stored.items() if _is_list(own)}
    for trial in searched.trials:
        for name, distribution in trial.frozen.distributions.items():
            if name not in found:
                found[name] = _options(distribution)
    return found


def grouped_parameters(searched: Searched) -> list[str]:
    """Return a line per group of parameters that have the same options."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, options in parameters_of(searched).items():
        groups.setdefault(tuple(options), []).append(name)
    lines = [f"{_names(names)}: {_listed(options)}" for options, names in groups.items()]
    more = len(lines) - _GROUPS
    return lines if more <= 0 else [*lines[:_GROUPS], f"and {more} other groups of parameters"]


def size_text(searched: Searched) -> str:
    """Return how many combinations the options have; empty where a parameter has a range."""
    if searched.space is not None:
        return f"{_size(searched.space.size)} combinations"
    stored: object = (searched.description or {}).get("parameters")
    if not isinstance(stored, dict) or not stored:
        return ""
    options = (len(own) for own in stored.values() if _is_list(own))
    return f"at most {_size(math.prod(max(n, 1) for n in options))} combinations"


def _size(n: int) -> str:
    """Return a number of combinations: in full, or its power of ten."""
    return f"{n:,}" if n < 10**9 else f"about 10^{math.log10(n):.0f}"


def settings_of(searched: Searched) -> list[tuple[str, str]]:
    """Return the settings of the space, as the study stores them, with short texts."""
    stored: Mapping[str, Any] = searched.description or {}
    return [
        (str(name), shortened(_setting(value), 120))
        for name, value in stored.items()
        if name not in _PARTS and not name.startswith(RESERVED) and value is not None
    ]


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _options(distribution: BaseDistribution) -> list[str]:
    if isinstance(distribution, CategoricalDistribution):
        return [str(choice) for choice in distribution.choices]
    low, high = getattr(distribution, "low", math.nan), getattr(distribution, "high", math.nan)
    scale = ", logarithmic" if getattr(distribution, "log", False) else ""
    return [f"from {low:g} to {high:g}{scale}"]


def _names(names: Sequence[str]) -> str:
    """Return the name of a parameter, or how many there are from which to which."""
    if len(names) <= 2:
        return " and ".join(shortened(name) for name in names)
    first, last = shortened(names[0], 40), shortened(names[-1], 40)
    return f"{counted(len(names), 'parameter')}, {first} … {last}"


def _listed(options: Sequence[str]) -> str:
    shown = [shortened(option, 40) for option in options[:_OPTIONS]]
    more = len(options) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _is_list(value: object) -> bool:
    return isinstance(value, list)
