"""Descriptions: what a study was created for, as JSON values, and how two of them differ.

A description has the settings of the space, its ``parameters`` (name -> options), the
``evaluation`` (name of an objective -> what its value depends on), the ``objectives`` (name ->
direction) and their units (``lineage.units``), which studies of earlier versions do not have.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard

from optuna import Study
from optuna.exceptions import ExperimentalWarning

from bonas.evaluation.objective import UNITS, Objective
from bonas.studies.lineage import units
from bonas.studies.records import DESCRIPTION

VERSION = 2
"""Version of descriptions. Version 1 described arrays by their shape and targets, not inputs."""
_VERSION_KEY = "bonas:version"  # a space may have a setting that is called version

_DIRECTIONS = ("maximize", "minimize")

Description = dict[str, Any]


def is_description(found: object) -> TypeGuard[Description]:
    """Return whether ``found`` has the parts that are read here, as bonas writes them."""
    if not isinstance(found, dict) or not isinstance(found.get(_VERSION_KEY, 1), int):
        return False
    objectives, parameters = found.get("objectives"), found.get("parameters", {})
    return (
        isinstance(objectives, dict)
        and bool(objectives)
        and all(direction in _DIRECTIONS for direction in objectives.values())
        and isinstance(parameters, dict)
        and all(isinstance(options, list) for options in parameters.values())
        and isinstance(found.get("evaluation", {}), dict)
    )


def make_description(
    description: Mapping[str, Any], objectives: Sequence[Objective]
) -> Description:
    """Return a description with its objectives, their units and its version, as it is stored."""
    directions = {objective.name: objective.direction for objective in objectives}
    whole = {**description, "objectives": directions, _VERSION_KEY: VERSION}
    if said := units.said_units(objectives):
        whole[units.KEY] = said
    stored: Description = json.loads(json.dumps(whole))
    return stored


def objectives_in(description: Description) -> tuple[Objective, ...]:
    """Return the objectives of a description, with their stored units, or else the usual ones.

    Raises:
        InvalidArgument: if one has a name that no objective can have.
    """
    known = {**UNITS, **units.stored_units(description)}
    ways = description["objectives"].items()
    return tuple(Objective(name, way, known.get(name, "")) for name, way in ways)


def store_description(study: Study, description: Description) -> None:
    """Store what a study is for, after all else that belongs to it; may be repeated."""
    set_names(study, list(description["objectives"]))
    DESCRIPTION.write(study, description)


def set_names(study: Study, names: Sequence[str]) -> None:
    """Set the names of a study's objectives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.2, and unchanged
        study.set_metric_names(list(names))


def differences(stored: Description, wanted: Description) -> list[str]:
    """Return one line per difference, with the path to it.

    What an older version of bonas did not describe is no difference, nor is a unit that is not
    said.
    """
    version = stored.get(_VERSION_KEY, 1)
    before = _upgraded(stored, wanted) if version < VERSION else stored
    if version <= VERSION:
        before = {**before, _VERSION_KEY: VERSION}
    found = _differing("", _without_units(before), _without_units(wanted))
    return found + units.changed_units(stored, wanted)


def added_options(stored: Description, wanted: Description) -> dict[str, list[Any]] | None:
    """Return name of a parameter -> options that were added; None if anything else differs.

    Parameters may be new, and the order of options may differ.
    """
    before, after = stored.get("parameters"), wanted.get("parameters")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    kept = all(
        set(map(repr, options)) <= _option_set(after, name) for name, options in before.items()
    )
    if not kept or differences(_with_options_of(stored, wanted), wanted):
        return None
    new = {name: _added(before.get(name, []), options) for name, options in after.items()}
    return {name: options for name, options in new.items() if options}


def incompatibilities(
    stored: Description, wanted: Description, bounds: Collection[str] = ()
) -> list[str]:
    """Return why values measured for ``stored`` do not hold for ``wanted``; empty if they do.

    Options, the settings in ``bounds`` (``Space.bounds``) and directions may differ, and objectives
    may be gone: the same choices build the same network, and what is still measured is measured as
    before.
    """
    before, after = _with_options_of(stored, wanted), dict(wanted)
    for key in ("objectives", *bounds):
        before.pop(key, None)
        after.pop(key, None)
    gone = stored["objectives"].keys() - wanted["objectives"].keys()
    for side in (before, after):  # it may still be measured, but is not optimised
        evaluation = side.get("evaluation", {})
        side["evaluation"] = {name: x for name, x in evaluation.items() if name not in gone}
    new = [name for name in wanted["objectives"] if name not in stored["objectives"]]
    return [f"objectives.{name} is new" for name in new] + differences(before, after)


def _without_units(description: Description) -> Description:
    return {key: value for key, value in description.items() if key != units.KEY}


def _option_set(parameters: Mapping[str, Sequence[Any]], name: str) -> set[str]:
    return set(map(repr, parameters.get(name, ())))


def _added(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    known = set(map(repr, before))
    return [option for option in after if repr(option) not in known]


def _with_options_of(stored: Description, wanted: Description) -> Description:
    """Return ``stored`` with the parameters of ``wanted``, also in settings that list options."""
    before, after = stored.get("parameters"), wanted.get("parameters")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return dict(stored)
    changed = [(before[name], after[name]) for name in before.keys() & after.keys()]
    same = {
        key: wanted[key] for key, x in stored.items() if _lists_options(key, x, wanted, changed)
    }
    return {**stored, **same, "parameters": after}


def _lists_options(
    key: str, value: Any, wanted: Description, changed: Sequence[tuple[Any, Any]]
) -> bool:
    return isinstance(value, list) and key in wanted and _follows(value, wanted[key], changed)


def _follows(old: Any, new: Any, changed: Sequence[tuple[Any, Any]]) -> bool:
    """Return whether a setting differs only where it lists the options of a changed parameter."""
    if old == new or (old, new) in changed:
        return True
    both = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return both and all(_follows(a, b, changed) for a, b in zip(old, new, strict=True))


def _upgraded(stored: Any, wanted: Any) -> Any:
    """Return the stored values, with the digest of the inputs that version 1 did not store."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return {key: _upgraded(value, wanted.get(key)) for key, value in stored.items()}
    both = isinstance(stored, str) and isinstance(wanted, str)
    return wanted if both and wanted.startswith(f"{stored}, inputs ") else stored


def _differing(path: str, stored: Any, wanted: Any) -> list[str]:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        lines = []
        for key in sorted({*stored, *wanted}):
            inner = f"{path}.{key}" if path else key
            if key not in stored:
                lines.append(f"{inner} is new ({wanted[key]!r})")
            elif key not in wanted:
                lines.append(f"{inner} is missing (it was {stored[key]!r})")
            else:
                lines += _differing(inner, stored[key], wanted[key])
        if not lines and list(stored) != list(wanted) and path == "objectives":
            lines.append(f"{path} were in the order {list(stored)}, now {list(wanted)}")
        return lines
    return [] if stored == wanted else [f"{path} was {stored!r}, now {wanted!r}"]
