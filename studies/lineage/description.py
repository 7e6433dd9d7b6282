"""What a study was made for, as JSON values, and in which ways two of these descriptions differ.

A description has the space's settings, its ``parameters`` (a name -> its options), the
``evaluation`` (an objective's name -> what decides its value) and the ``objectives`` (a name ->
its direction).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from optuna import Study
from optuna.exceptions import ExperimentalWarning

from bonas.evaluation.objective import Objective

DESCRIPTION = "bonas:description"
"""The study's user attribute that says what is searched and measured, as JSON."""
VERSION = 2
"""Of descriptions. The first knew arrays by their shape and targets; now by their inputs too."""
_VERSION_KEY = "bonas:version"  # a space may have a setting that is called version

_BOUNDS = ("max_params", "max_flops", "max_memory", "max_edges")
"""Settings of spaces that forbid architectures and change none."""

_DIRECTIONS = ("maximize", "minimize")

Description = dict[str, Any]


def is_description(found: object) -> TypeGuard[Description]:
    """Whether it has the parts that are looked at here, as bonas writes them."""
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
    """A description as it is stored."""
    directions = {objective.name: objective.direction for objective in objectives}
    whole = {**description, "objectives": directions, _VERSION_KEY: VERSION}
    stored: Description = json.loads(json.dumps(whole))
    return stored


def store_description(study: Study, description: Description) -> None:
    """Write down what a study is for; a study that has its description has all that belongs to it.

    It may be done again, by whomever.
    """
    set_names(study, list(description["objectives"]))
    study.set_user_attr(DESCRIPTION, json.dumps(description))


def set_names(study: Study, names: Sequence[str]) -> None:
    """Name the objectives of a study."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # since Optuna 3.2, and unchanged
        study.set_metric_names(list(names))


def differences(stored: Description, wanted: Description) -> list[str]:
    """One line a difference, with the path to it.

    What an older version of bonas did not write down is none.
    """
    version = stored.get(_VERSION_KEY, 1)
    before = _brought_up(stored, wanted) if version < VERSION else stored
    if version <= VERSION:
        before = {**before, _VERSION_KEY: VERSION}
    return _differing("", before, wanted)


def added_options(stored: Description, wanted: Description) -> dict[str, list[Any]] | None:
    """A parameter's name -> the options that came to it; None if anything else differs.

    A parameter may be new; the order of the options may be another.
    """
    before, after = stored.get("parameters"), wanted.get("parameters")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return None
    kept = all(set(map(repr, options)) <= _known(after, name) for name, options in before.items())
    if not kept or differences(_with_options_of(stored, wanted), wanted):
        return None
    new = {name: _added(before.get(name, []), options) for name, options in after.items()}
    return {name: options for name, options in new.items() if options}


def incompatibilities(stored: Description, wanted: Description) -> list[str]:
    """Why a value that was measured for ``stored`` says nothing of ``wanted``; empty if it does.

    Options, bounds and directions may differ, and objectives may be gone: the same choices make the
    same network, and what is still measured is measured as it was.
    """
    before, after = _with_options_of(stored, wanted), dict(wanted)
    for key in ("objectives", *_BOUNDS):
        before.pop(key, None)
        after.pop(key, None)
    gone = stored["objectives"].keys() - wanted["objectives"].keys()
    for side in (before, after):  # it may still be measured, though no longer optimised
        evaluation = side.get("evaluation", {})
        side["evaluation"] = {name: x for name, x in evaluation.items() if name not in gone}
    new = [name for name in wanted["objectives"] if name not in stored["objectives"]]
    return [f"objectives.{name} is new" for name in new] + differences(before, after)


def _known(parameters: Mapping[str, Sequence[Any]], name: str) -> set[str]:
    return set(map(repr, parameters.get(name, ())))


def _added(before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    known = set(map(repr, before))
    return [option for option in after if repr(option) not in known]


def _with_options_of(stored: Description, wanted: Description) -> Description:
    """``stored`` with the parameters of ``wanted``, and the settings that list the same options."""
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
    """Whether a setting differs only where it lists the options of a parameter that changed."""
    if old == new or (old, new) in changed:
        return True
    both = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return both and all(_follows(a, b, changed) for a, b in zip(old, new, strict=True))


def _brought_up(stored: Any, wanted: Any) -> Any:
    """The stored values, with the inputs' digest where the older description had none."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return {key: _brought_up(value, wanted.get(key)) for key, value in stored.items()}
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
