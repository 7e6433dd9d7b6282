"""A recommendation: a point to evaluate, and what made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bonas.studies.proposing.point import Point


@dataclass(frozen=True)
class Recommendation:
    """A point to evaluate, and what the surrogate predicts of it; None for a random point.

    ``source`` is the name of the source of candidates that suggested it, if one did.
    """

    point: Point
    prediction: dict[str, Any] | None = None
    source: str | None = None
