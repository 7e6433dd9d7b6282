"""Spaces of bonas made again from what a study says of its space."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import bonas.spaces
from bonas.spaces import MobileSpace, Space, Stage
from bonas.studies.lineage.description import Description


def restored_space(description: Description | None) -> Space | None:
    """Return the space that a study was made for, if it is one of bonas's own; None otherwise.

    A space whose description would differ in any setting is not returned.
    """
    stored = description or {}
    name: object = stored.get("space")
    kind: object = getattr(bonas.spaces, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, Space) and dataclasses.is_dataclass(kind)):
        return None
    fields = {field.name for field in dataclasses.fields(kind) if field.init}
    settings = {key: _tupled(value) for key, value in stored.items() if key in fields}
    try:
        if issubclass(kind, MobileSpace) and "stages" in settings:
            settings["stages"] = tuple(Stage(*each) for each in settings["stages"])
        made: Space = kind(**settings)
        wanted = json.loads(json.dumps(made.describe()))
    except Exception:  # another version's settings, or another program's: anything may be in them
        return None
    return made if _is_described(wanted, stored) else None


def _is_described(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Return whether a study stores all that a space says of itself."""
    return all(key in stored and stored[key] == value for key, value in wanted.items())


def _tupled(value: Any) -> Any:
    """Return lists as tuples, as settings have them."""
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
