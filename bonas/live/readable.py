"""Attributes as people read them: no JSON of programs, few digits, few characters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from bonas.studies.attributes import brief, json_object
from bonas.studies.records import ERROR, FAILURE, STOPPED_EARLY, WORKER
from bonas.texts import RESERVED

_LONGEST = 200  # characters that are shown as they are
_DIGITS = 6
_IN_WORDS = {attribute.key: attribute for attribute in (ERROR, FAILURE, STOPPED_EARLY, WORKER)}


def readable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user attributes of a study or a trial that people may want to see.

    Earlier versions kept among them what only programs read.
    """
    seen: dict[str, Any] = {}
    for name, value in attributes.items():
        attribute: Any = _IN_WORDS.get(name)
        is_own = name.startswith(RESERVED)
        if attribute is not None and (found := attribute.parse(value)) is not None:
            seen |= attribute.words(found)
        elif is_own and json_object(value) is not None:
            continue
        elif is_own and isinstance(value, dict):
            seen[name] = brief(", ".join(_flat(value)))
        else:
            seen[name] = _short(value)
    return seen


def rounded(value: float) -> float:
    """Return a number with six significant digits.

    >>> rounded(91.23456789), rounded(-0.000123456789), rounded(float("inf"))
    (91.2346, -0.000123457, inf)
    """
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else value


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return rounded(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return value if len(text) <= _LONGEST else brief(text)


def _flat(value: object, name: str = "") -> list[str]:
    """Return nested mappings as texts ``name value``."""
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in _flat(inner, str(key))]
    return [f"{name} {value}".strip()]
