"""In which choices networks differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bonas.plots.choices import differing
from bonas.report.markup import shortened

_LONGEST = 32  # characters of a value
ABSENT: Final = "–"
"""Of a network that does not have the parameter."""


def choice_text(value: object) -> str:
    """Return a choice as plain text."""
    return f"{value:.4g}" if isinstance(value, float) else shortened(value, _LONGEST)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the parameter, its value before and its value after, of each that differs."""
    return [
        (name, _shown(before, name), _shown(after, name)) for name in differing([before, after])
    ]


def _shown(choices: Mapping[str, Any], name: str) -> str:
    return choice_text(choices[name]) if name in choices else ABSENT
