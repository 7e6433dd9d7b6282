"""Measurements of architectures: what a study knows of networks that no trial has evaluated.

Cheap objectives and zero-cost scores are measured of many more networks than are trained, and
belong to no trial. They are stored in batches, each under a key of its own that is never written
again, so that no process undoes what another one measured. Where two measured the same network, the
earlier batch counts, for all readers.

A batch is a JSON list of objects with ``choices``, ``values``, ``seconds`` and perhaps ``index``. A
value that came out as NaN or infinite is stored as null and read as NaN: it is known to have none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from optuna import Study

from bonas.arguments import is_count, is_number
from bonas.errors import InvalidGraph, InvalidSpace
from bonas.optuna_internals import set_study_system_attr, study_system_attrs
from bonas.spaces import Architecture, Choices, Space
from bonas.studies.attributes import ignored_in_study, mapping
from bonas.studies.records import choices_in

ARCHITECTURES: Final = "bonas:architectures:"
"""The study's system attributes that hold batches; the number and a mark of the writer follow."""

_LONGEST = 16_000  # characters of one batch: MySQL takes 64 KiB


@dataclass(frozen=True, slots=True)
class ArchitectureMeasurement:
    """What one evaluation measured of one architecture without a trial.

    Attributes:
        choices: Of the architecture.
        values: A name -> the value, in the objective's unit if it is one; NaN where the network has
            no finite value.
        seconds: How long that took.
        index: Of the proposal that it was made for; None for none.
    """

    choices: Choices
    values: Mapping[str, float]
    seconds: float = 0.0
    index: int | None = None


class ArchitectureMeasurements:
    """The measurements of architectures that a study holds, and those that are added to it.

    Args:
        study: Where they are stored.
        space: The space of the architectures; what is none of them is ignored.

    Attributes:
        all: Those that were read or added so far, in order.
    """

    def __init__(self, study: Study, space: Space) -> None:
        self.study, self.space = study, space
        self.all: list[ArchitectureMeasurement] = []
        self._read: set[str] = set()  # keys of batches
        self._values: dict[str, dict[str, float]] = {}
        self._batches: dict[str, list[Mapping[str, float]]] = {}
        self._architectures: dict[str, Architecture] = {}
        self._seconds: dict[str, float] = {}
        self._indices: dict[str, dict[str, int]] = {}

    def refresh(self) -> None:
        """Read the batches that came since the latest call."""
        attributes = study_system_attrs(self.study)
        for key in sorted(k for k in attributes if k.startswith(ARCHITECTURES)):
            if key not in self._read:
                self._read.add(key)
                for measurement in _parsed(attributes[key]):
                    self._take(measurement)

    def of(self, architecture: Architecture) -> Mapping[str, float]:
        """Return what was measured of an architecture: a name -> its value."""
        return self._values.get(architecture.key, {})

    def measured_with(self, architecture: Architecture, name: str) -> Mapping[str, float]:
        """Return all that the measurement gave which ``name`` is known from; empty if none is."""
        found = self._batches.get(architecture.key, ())
        return next((values for values in found if name in values), {})

    def having(self, name: str, before: int | None = None) -> list[tuple[Architecture, float]]:
        """Return the architectures of which ``name`` was measured and its values, in order.

        ``before``: leave out what was measured for the proposal of that index, or a later one.
        """
        return [
            (self._architectures[key], values[name])
            for key, values in self._values.items()
            if name in values and (before is None or self._index(key, name) < before)
        ]

    @property
    def names(self) -> list[str]:
        """The names of all that was measured, in order."""
        return list(self._seconds)

    def seconds(self, name: str) -> float:
        """Return how long the measurements took that ``name`` is of."""
        return self._seconds.get(name, 0.0)

    def add(self, measurements: Sequence[ArchitectureMeasurement]) -> None:
        """Store measurements, and take them as known."""
        self.refresh()
        for text in _packed(measurements):
            key = f"{ARCHITECTURES}{len(self._read):06d}:{uuid4().hex[:12]}"
            set_study_system_attr(self.study, key, text)
            self._read.add(key)
        for measurement in measurements:
            self._take(measurement)

    def _index(self, key: str, name: str) -> int:
        return self._indices.get(key, {}).get(name, -1)

    def _take(self, measurement: ArchitectureMeasurement) -> None:
        architecture = self._architecture(measurement.choices)
        if architecture is None:
            what = f"it is no architecture of the space: {measurement.choices!r:.200}"
            ignored_in_study(self.study, "a measured architecture", what)
            return
        self.all.append(measurement)
        key = architecture.key
        known = self._values.setdefault(key, {})
        self._batches.setdefault(key, []).append(measurement.values)
        self._architectures.setdefault(key, architecture)
        for name, value in measurement.values.items():
            if name not in known and measurement.index is not None:
                self._indices.setdefault(key, {})[name] = measurement.index
            known.setdefault(name, value)
            self._seconds[name] = self._seconds.get(name, 0.0) + measurement.seconds

    def _architecture(self, choices: Choices) -> Architecture | None:
        found = choices_in(choices, self.space)
        try:
            return None if found is None else self.space.architecture(found)
        except (InvalidGraph, InvalidSpace):
            return None


def _packed(measurements: Sequence[ArchitectureMeasurement]) -> Iterator[str]:
    """Yield batches as they are stored."""
    texts: list[str] = []
    length = 0
    for text in map(_text, measurements):
        if texts and length + len(text) > _LONGEST:
            yield f"[{','.join(texts)}]"
            texts, length = [], 0
        texts.append(text)
        length += len(text)
    if texts:
        yield f"[{','.join(texts)}]"


def _text(measurement: ArchitectureMeasurement) -> str:
    finite = {n: x if math.isfinite(x) else None for n, x in measurement.values.items()}
    stored = {
        "choices": dict(measurement.choices),
        "values": finite,
        "seconds": round(measurement.seconds, 4),
        **({} if measurement.index is None else {"index": measurement.index}),
    }
    return json.dumps(stored, separators=(",", ":"))


def _parsed(text: object) -> Iterator[ArchitectureMeasurement]:
    """Yield the measurements of a batch; what another program wrote there is left out."""
    try:
        items: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return
    for item in items if isinstance(items, list) else []:
        found: Mapping[str, Any] = mapping(item) or {}
        choices, values, seconds = (found.get(key) for key in ("choices", "values", "seconds"))
        if isinstance(choices, dict) and isinstance(values, dict) and is_number(seconds):
            known = {n: math.nan if x is None else x for n, x in values.items()}
            if all(map(is_number, known.values())):
                index: object = found.get("index")
                index = index if is_count(index) else None
                yield ArchitectureMeasurement(choices, known, float(seconds), index)
