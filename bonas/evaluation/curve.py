"""Learning curves and partial values: the measurements that a trial stores, read back.

A stored measurement is a JSON object with ``values`` and, where they are known, ``step``,
``seconds`` and ``fidelity``. A trial holds lists of them under ``bonas:measurements:0``, ``:1`` and
so on. A list has at most 16,000 characters, and only the last one is written again when more is
measured. Among the measurements there may be notes: objects without ``values``, such as what a
stopping rule decided at that moment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from bonas.errors import BonasError
from bonas.evaluation.measurement import Measurement

MEASUREMENTS = "bonas:measurements:"
"""The trial's system attributes that hold its measurements; a number from 0 on follows."""

_LONGEST = 16_000  # characters of one list: rewritten often, and MySQL takes 64 KiB


@dataclass(frozen=True, slots=True)
class Curve:
    """How one measured quantity went over the steps of an evaluation.

    Attributes:
        steps: In increasing order, such as epochs from 1.
        values: One per step.
        seconds: Since the evaluation began, one per step; NaN where unknown.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]
    seconds: tuple[float, ...]

    @classmethod
    def of(cls, measurements: Iterable[Measurement], name: str) -> Curve:
        """Return the curve of that name; of a step that came twice, the later value."""
        points: dict[int, tuple[float, float]] = {}
        for measurement in measurements:
            if measurement.step is not None and name in measurement.values:
                at = math.nan if measurement.seconds is None else measurement.seconds
                points[measurement.step] = measurement.values[name], at
        steps = sorted(points)
        return cls(
            tuple(steps),
            tuple(points[step][0] for step in steps),
            tuple(points[step][1] for step in steps),
        )

    def __len__(self) -> int:
        """Return how many points it has."""
        return len(self.steps)


def curve_names(measurements: Iterable[Measurement]) -> list[str]:
    """Return the names that have a curve, in the order in which they were first measured."""
    curves = (m.values for m in measurements if m.step is not None)
    return list(dict.fromkeys(name for values in curves for name in values))


def packed(measurements: Iterable[Measurement | Mapping[str, Any]]) -> dict[str, str]:
    """Return measurements as a trial stores them: a system attribute's name -> its text.

    Of a longer list of measurements, all attributes but the last one stay the same. Notes among the
    measurements are JSON objects.
    """
    lists: list[list[str]] = []
    length = 0
    for text in map(_text, measurements):
        if not lists or length + len(text) > _LONGEST:
            lists.append([])
            length = 0
        lists[-1].append(text)
        length += len(text)
    return {f"{MEASUREMENTS}{i}": f"[{','.join(texts)}]" for i, texts in enumerate(lists)}


def measurements_of(trial: FrozenTrial) -> tuple[Measurement, ...]:
    """Return the measurements that a trial stores; what another program wrote there is left out."""
    return measurements_in(lists_of(trial))


def lists_of(trial: FrozenTrial) -> tuple[str, ...]:
    """Return the texts in which a trial stores its measurements; empty if it has none."""
    texts: Iterable[object] = (trial.system_attrs.get(f"{MEASUREMENTS}{i}") for i in count())
    stored = takewhile(lambda text: text is not None, texts)
    return tuple(text if isinstance(text, str) else "" for text in stored)


def measurements_in(texts: Iterable[str]) -> tuple[Measurement, ...]:
    """Return the measurements in stored texts; what another program wrote there is left out."""
    return tuple(measurement for text in texts for measurement in _parsed(text))


def notes_of(trial: FrozenTrial) -> list[dict[str, Any]]:
    """Return the notes among the measurements of a trial, in order."""
    items = (item for text in lists_of(trial) for item in _items(text))
    return [item for item in items if isinstance(item, dict) and "values" not in item]


def partial_values(trial: FrozenTrial, names: Sequence[str]) -> list[float]:
    """Return the value of each objective ``names``; NaN for one that was not measured.

    A trial that failed, was pruned or was cut off has those that were measured before.
    """
    values: Sequence[float] | None = trial.values if trial.state == TrialState.COMPLETE else None
    if values is not None and len(values) == len(names):
        return [float(value) for value in values]
    final = (m.values for m in measurements_of(trial) if m.is_final)
    measured = {name: value for each in final for name, value in each.items()}
    return [measured.get(name, math.nan) for name in names]


def _text(measurement: Measurement | Mapping[str, Any]) -> str:
    if not isinstance(measurement, Measurement):
        return json.dumps(dict(measurement), separators=(",", ":"), allow_nan=False)
    seconds = measurement.seconds
    stored = {
        "values": dict(measurement.values),
        "step": measurement.step,
        "seconds": None if seconds is None else round(seconds, 3),
        "fidelity": measurement.fidelity,
    }
    known = {name: value for name, value in stored.items() if value is not None}
    return json.dumps(known, separators=(",", ":"))


def _items(text: str) -> list[object]:
    try:
        items: object = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return items if isinstance(items, list) else []


def _parsed(text: str) -> list[Measurement]:
    found = []
    for item in _items(text):
        if isinstance(item, dict) and "values" in item:
            with suppress(BonasError, TypeError):  # of another program: other fields, other types
                found.append(Measurement(**item).checked((), None))
    return found
