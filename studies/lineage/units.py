"""Units of a study's objectives, as its description stores them.

A unit is *said* where an objective has one, and where it has none although one is usual for its
name: an accuracy that is a fraction. A unit that is not said is not stored, and contradicts none.
Any program may have stored a description, so that units are checked when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bonas.evaluation.objective import UNITS, Objective, unit_objection

KEY = "bonas:units"
"""Where a description holds them; a space may have a setting that is called units."""


def said_units(objectives: Sequence[Objective]) -> dict[str, str]:
    """Return an objective's name -> its unit, for those whose unit is said.

    >>> said_units([Objective("energy", "minimize", "mJ"), Objective("loss", "minimize")])
    {'energy': 'mJ'}
    >>> said_units([Objective("accuracy", "maximize")])
    {'accuracy': ''}
    """
    return {goal.name: goal.unit for goal in objectives if goal.unit or goal.name in UNITS}


def stored_units(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the units in a description: an objective's name -> its unit, all of them valid."""
    found: object = description.get(KEY)
    if not isinstance(found, dict):
        return {}
    return {name: unit for name, unit in found.items() if unit_objection(unit) is None}


def unreadable_units(description: Mapping[str, Any]) -> object:
    """Return what a description holds in place of units; None where they can be read."""
    found: object = description.get(KEY, {})
    if not isinstance(found, dict):
        return found
    return {name: x for name, x in found.items() if unit_objection(x) is not None} or None


def changed_units(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return one line per objective whose unit differs, of those where both say one."""
    before, after = stored_units(stored), stored_units(wanted)
    return [
        f"the unit of {name!r} was {before[name]!r}, now {unit!r}"
        for name, unit in after.items()
        if before.get(name, unit) != unit
    ]


def with_units_of(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return a description with the stored units of those objectives whose unit it does not say."""
    goals = wanted["objectives"]
    kept = {name: unit for name, unit in stored_units(stored).items() if name in goals}
    units = {**kept, **stored_units(wanted)}
    return {**wanted, KEY: units} if units else dict(wanted)


def in_units(objectives: Sequence[Objective], units: Mapping[str, str]) -> tuple[Objective, ...]:
    """Return objectives, those whose unit is not said with that of ``units``.

    >>> str(*in_units([Objective("energy", "minimize")], {"energy": "mJ"}))
    'energy [mJ]'
    """
    said = said_units(objectives)
    return tuple(
        goal if goal.name in said else replace(goal, unit=units.get(goal.name, ""))
        for goal in objectives
    )
