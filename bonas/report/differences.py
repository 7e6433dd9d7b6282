"""In which choices networks differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bonas.report.markup import shortened

_LONGEST = 32  # characters of a value
ABSENT: Final = "–"
"""Of a network that does not have the parameter."""


def choice_text(value: object) -> str:
    """Return a choice as plain text."""
    return f"{value:.4g}" if isinstance(value, float) else shortened(value, _LONGEST)


def differing(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that not all networks have with the same value, in their order."""
    names = dict.fromkeys(name for choices in networks for name in choices)
    return [name for name in names if len({_key(choices, name) for choices in networks}) > 1]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the parameter, its value before and its value after, of each that differs."""
    return [
        (name, _shown(before, name), _shown(after, name)) for name in differing([before, after])
    ]


def _shown(choices: Mapping[str, Any], name: str) -> str:
    return choice_text(choices[name]) if name in choices else ABSENT


def _key(choices: Mapping[str, Any], name: str) -> str:
    return repr(choices[name]) if name in choices else ""
