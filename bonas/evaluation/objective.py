"""Objective: a name, a direction and a unit. The sign of a direction is flipped here only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidArgument, unknown
from bonas.texts import objection, shown

Direction = Literal["maximize", "minimize"]
UNITS = {
    "accuracy": "%",
    "balanced_accuracy": "%",
    "f1": "%",
    "cross_entropy": "nats",
    "latency": "ms",
    "kv_cache": "bytes",
}


@dataclass(frozen=True, slots=True)
class Objective:
    """What is measured of a network, which way is better, and the unit of its values."""

    name: str
    direction: Direction
    unit: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidArgument(f"an objective's name must be a non-empty string: {self.name!r}")
        if why := objection(self.name):
            raise InvalidArgument(f"an objective cannot be named {shown(self.name)}: {why}")
        if self.direction not in ("maximize", "minimize"):
            raise unknown("objective direction", self.direction, ("maximize", "minimize"))
        if why := unit_objection(self.unit):
            raise InvalidArgument(
                f"the objective {self.name!r} cannot have the unit {shown(self.unit)}: {why}; give "
                'a text such as "ms", or leave it out'
            )

    def __str__(self) -> str:
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def unit_objection(unit: object) -> str | None:
    r"""Return why something is no unit that every storage accepts; None if it is one.

    >>> unit_objection("mJ"), unit_objection(""), unit_objection(1)
    (None, None, 'it is no text')
    """
    if not isinstance(unit, str):
        return "it is no text"
    return objection(unit, reserved="") if unit else None


ACCURACY = Objective("accuracy", "maximize", "%")
LATENCY = Objective("latency", "minimize", "ms")


def oriented(values: npt.ArrayLike, directions: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return ``n x m`` values with signs such that more is better; its own inverse."""
    signs = np.array([1.0 if d == "maximize" else -1.0 for d in directions])
    signed: npt.NDArray[np.float64] = np.asarray(values, np.float64).reshape(-1, len(signs)) * signs
    return signed


def as_objectives(
    given: Mapping[str, Direction] | Sequence[Objective],
) -> tuple[Objective, ...]:
    """Return objectives from a mapping name -> direction, or from objectives.

    Raises:
        InvalidArgument: if there is none, a direction is unknown or a name comes twice.
    """
    if isinstance(given, Mapping):
        items = [Objective(name, way, UNITS.get(name, "")) for name, way in given.items()]
    else:
        items = list(given)
    if not items or not all(isinstance(item, Objective) for item in items):
        raise InvalidArgument(
            'objectives must map at least one name to "maximize" or "minimize", '
            f'as in {{"accuracy": "maximize", "latency": "minimize"}}; got {given!r}'
        )
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise InvalidArgument(f"objective names must differ, got {names}")
    return tuple(items)
