"""Measurements of architectures without a trial, for a study's successor or its fork."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from optuna import Study

from bonas.optuna_internals import set_study_system_attr, study_system_attrs
from bonas.spaces import Space
from bonas.studies.architecture_measurements import ARCHITECTURES
from bonas.studies.attributes import mapping
from bonas.studies.lineage.description import Description, incompatibilities
from bonas.studies.lineage.networks import changed_trials


def copy_measurements(source: Study, target: Study) -> None:
    """Copy all batches of measurements that ``target`` does not have; may be repeated."""
    known = study_system_attrs(target)
    for key, text in _batches(source):
        if key not in known:
            set_study_system_attr(target, key, text)


def copy_comparable_measurements(
    source: Study, target: Study, stored: Description, wanted: Description, space: Space | None
) -> None:
    """Copy what holds for ``wanted`` of the batches that ``target`` does not have.

    That is nothing if networks may differ, and no objective that is measured in another way now.
    """
    if _are_rebuilt(source, stored, wanted, space):
        return
    before, after = stored.get("evaluation", {}), wanted.get("evaluation", {})
    objectives = {*stored["objectives"], *wanted["objectives"]}
    stale = {name for name in objectives if before.get(name) != after.get(name)}
    known = study_system_attrs(target)
    for key, text in _batches(source):
        kept = list(_kept(text, objectives, stale))
        if kept and key not in known:
            set_study_system_attr(target, key, json.dumps(kept, separators=(",", ":")))


def _batches(study: Study) -> list[tuple[str, object]]:
    found = study_system_attrs(study).items()
    return sorted((key, text) for key, text in found if key.startswith(ARCHITECTURES))


def _are_rebuilt(
    source: Study, stored: Description, wanted: Description, space: Space | None
) -> bool:
    """Return whether the same choices may be another network now."""
    objectives = wanted["objectives"]
    one, other = ({**each, "evaluation": {}, "objectives": objectives} for each in (stored, wanted))
    bounds = () if space is None else space.bounds
    changed = changed_trials(source.get_trials(deepcopy=False), space)
    return bool(incompatibilities(one, other, bounds) or changed)


def _kept(text: object, objectives: set[str], stale: set[str]) -> Iterator[dict[str, Any]]:
    """Yield the measurements of a batch without stale objectives, and what was given with them."""
    try:
        items: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return
    for item in items if isinstance(items, list) else []:
        values = mapping((mapping(item) or {}).get("values")) or {}
        if stale & values.keys():
            values = {name: x for name, x in values.items() if name in objectives - stale}
        if values:
            yield {**item, "values": values}
