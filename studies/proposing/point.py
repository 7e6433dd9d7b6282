"""A point: one full proposal, an architecture and values of the parameters outside the space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bonas.spaces import Architecture


@dataclass(frozen=True, eq=False)
class Point:
    """One full proposal; ``architecture`` is None in a search without a space."""

    architecture: Architecture | None
    values: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for points that train the same network in the same way."""
        own = () if self.architecture is None else (self.architecture.key,)
        return (*own, *self.values.items())

    @property
    def params(self) -> dict[str, Any]:
        """What Optuna stores: choices, then the other parameters."""
        choices = {} if self.architecture is None else self.architecture.choices
        return {**choices, **self.values}
