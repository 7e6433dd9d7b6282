"""Constraint: a bound on what a network may measure, in the unit of the measurement.

    violation(y) = max(y - upper, lower - y)            feasible: violation(y) <= 0
    relative violation = max(0, y - upper) / |upper| + max(0, lower - y) / |lower|

The relative one compares constraints of different units: a tenth too slow weighs as much as a tenth
too large. A bound of 0 has no scale, and its violation counts as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from bonas.arguments import is_number
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.declared import declared_objectives
from bonas.evaluation.objective import Objective
from bonas.evaluation.size import FLOPS, PARAMETERS
from bonas.evaluation.stages import Stages
from bonas.texts import objection, shown

Constraints = Mapping[str, "str | Constraint"] | Sequence["Constraint"]
"""Constraints as a user gives them: ``{"latency": "<= 5"}``, or ``Constraint`` objects."""

_NUMBER: Final = r"[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
_BOUND: Final = re.compile(rf"\s*(<=|>=|<|>|≤|≥)\s*({_NUMBER})\s*", re.IGNORECASE)
_BETWEEN: Final = re.compile(r",|\band\b")
_CLOSE: Final = 0.75  # similarity above which a name counts as a misspelling
_EXAMPLE: Final = '"<= 5", ">= 90" or ">= 1, <= 5"'


@dataclass(frozen=True, slots=True)
class Constraint:
    """The least and the greatest value that a measurement may have.

    Attributes:
        name: Of the measurement: an objective, or anything else that an evaluation returns.
        lower: The least value, in the unit of the measurement; None for no bound.
        upper: The greatest value; None for no bound.

    Raises:
        InvalidArgument: if there is no bound, one is not finite, or no value lies between them.

    >>> Constraint("latency", upper=5.0).violation(6.5)
    1.5
    >>> str(Constraint("latency", lower=1, upper=5))
    'latency >= 1, latency <= 5'
    """

    name: str
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidArgument(
                f"expected the name of a measurement as a non-empty string, got {self.name!r}; "
                'write constraints={"latency": "<= 5"}'
            )
        if why := objection(self.name):
            raise InvalidArgument(f"a constraint cannot be named {shown(self.name)}: {why}")
        for bound in (self.lower, self.upper):
            if bound is not None and not (is_number(bound) and math.isfinite(bound)):
                raise InvalidArgument(
                    f"expected a finite bound of {self.name!r}, got {bound!r}; leave out a bound "
                    "that excludes nothing"
                )
        if self.lower is None and self.upper is None:
            raise InvalidArgument(
                f"expected a bound of {self.name!r}, got none; give lower or upper, or leave the "
                "constraint out"
            )
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise InvalidArgument(
                f"expected a lower bound of {self.name!r} that is not above the upper one, got "
                f">= {self.lower:g} and <= {self.upper:g}; no value keeps both"
            )

    @classmethod
    def parsed(cls, name: str, text: str) -> Constraint:
        """Return the constraint that a text such as ``"<= 5"`` or ``">= 1, <= 5"`` gives.

        ``<`` counts as ``<=``.

        Raises:
            InvalidArgument: for another text, or the same side twice.
        """
        bounds: dict[str, float] = {}
        for part in _BETWEEN.split(text):
            found = _BOUND.fullmatch(part)
            side = "" if found is None else "upper" if found[1] in ("<=", "<", "≤") else "lower"
            if found is None or side in bounds:
                raise InvalidArgument(
                    f"expected the bounds of {name!r} as a text such as {_EXAMPLE}, got {text!r}; "
                    "give at most one lower and one upper bound, as numbers in its unit"
                )
            bounds[side] = float(found[2])
        return cls(name, bounds.get("lower"), bounds.get("upper"))

    def violation(self, value: float) -> float:
        """Return how far a value is outside the bounds, in its unit; at most 0 where it is not."""
        over = -math.inf if self.upper is None else value - self.upper
        under = -math.inf if self.lower is None else self.lower - value
        return math.nan if math.isnan(value) else max(over, under)

    def relative_violation(self, value: float) -> float:
        """Return the violation as a share of the bound; 0 where there is none, NaN for NaN."""
        if math.isnan(value):
            return math.nan
        found = 0.0
        if self.upper is not None:
            found += max(0.0, value - self.upper) / (abs(self.upper) or 1.0)
        if self.lower is not None:
            found += max(0.0, self.lower - value) / (abs(self.lower) or 1.0)
        return found

    def __str__(self) -> str:
        bounds = ((">=", self.lower), ("<=", self.upper))
        return ", ".join(f"{self.name} {way} {x:.6g}" for way, x in bounds if x is not None)


def as_constraints(given: object) -> tuple[Constraint, ...]:
    """Return constraints out of a mapping from name to text, or a list of ``Constraint``.

    Raises:
        InvalidArgument: for anything else, or a name that comes twice.

    >>> [str(each) for each in as_constraints({"latency": "<= 5", "parameters": "<= 1e6"})]
    ['latency <= 5', 'parameters <= 1e+06']
    """
    if given is None:
        return ()
    if isinstance(given, Mapping):
        items = [_of_item(name, bound) for name, bound in given.items()]
    elif isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        items = list(given)
    else:
        raise _not_understood(given)
    if not all(isinstance(item, Constraint) for item in items):
        raise _not_understood(given)
    names = [item.name for item in items]
    if len(set(names)) < len(names):
        raise InvalidArgument(
            f"expected one constraint per measurement, got {names}; give both bounds in one, as in "
            '{"latency": ">= 1, <= 5"}'
        )
    return tuple(items)


def checked_names(
    constraints: Sequence[Constraint], evaluate: object, goals: Sequence[Objective]
) -> tuple[Constraint, ...]:
    """Return the constraints if nothing speaks against their names before an evaluation.

    A function may return anything, and evaluators of bonas more than their objectives; so a name is
    refused if only these measure, and it looks like a misspelt objective.

    Raises:
        InvalidArgument: for such a name; the error lists those that are known.
    """
    parts = evaluate.evaluators if isinstance(evaluate, Stages) else [evaluate]
    if all(type(part).__module__.startswith("bonas.") for part in parts):
        declared = (goal.name for part in parts for goal in declared_objectives(part))
        known = {*declared, *(goal.name for goal in goals), PARAMETERS.name, FLOPS.name}
        for each in constraints:
            if each.name not in known and get_close_matches(each.name, known, 1, _CLOSE):
                raise unknown("measurement in constraints", each.name, known)
    return tuple(constraints)


def _of_item(name: object, bound: object) -> Constraint:
    if not isinstance(name, str):
        raise InvalidArgument(f"expected the names of constraints as strings, got {name!r}")
    if isinstance(bound, str):
        return Constraint.parsed(name, bound)
    if isinstance(bound, Constraint) and bound.name == name:
        return bound
    raise InvalidArgument(
        f"expected the bounds of {name!r} as a text such as {_EXAMPLE}, got {bound!r}"
    )


def _not_understood(given: object) -> InvalidArgument:
    return InvalidArgument(
        'expected constraints as a mapping such as {"latency": "<= 5", "parameters": "<= 1e6"}, '
        f"or a list of bonas.evaluation.Constraint, got {given!r}"
    )
