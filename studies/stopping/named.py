"""The names of the stopping rules, as ``bonas.optimize(stopping=...)`` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bonas.errors import InvalidArgument, unknown
from bonas.studies.stopping.combined import Combined
from bonas.studies.stopping.forecast import Forecast
from bonas.studies.stopping.halving import SuccessiveHalving
from bonas.studies.stopping.median import MedianRule
from bonas.studies.stopping.rule import StoppingRule

STOPPING_RULES: Final[dict[str, Callable[[], StoppingRule]]] = {
    "default": Combined,
    "forecast": Forecast,
    "halving": SuccessiveHalving,
    "median": MedianRule,
}
"""A name -> what makes the rule."""


def as_rule(given: object) -> StoppingRule | None:
    """Return the rule of a name, or a rule as it is; None and False are no rule, True the default.

    Raises:
        InvalidArgument: for an unknown name, or what is neither a name nor a function.
    """
    if given is None or given is False:
        return None
    name = "default" if given is True else given
    if isinstance(name, str):
        if name not in STOPPING_RULES:
            raise unknown("stopping rule", name, STOPPING_RULES)
        return STOPPING_RULES[name]()
    if callable(name) and not isinstance(name, type):
        return name
    raise InvalidArgument(
        f"stopping must be a name out of {sorted(STOPPING_RULES)}, or a function of a study, a "
        f"candidate and a record, got {given!r}"
    )
