"""A row: one architecture of which the objectives are known, as a finished trial of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, create_trial

from bonas.errors import InvalidArgument
from bonas.spaces import Space
from bonas.studies.proposing.observations import contains
from bonas.studies.search import Search
from bonas.studies.transfer.rows import plain
from bonas.texts import objection, shown


@dataclass(frozen=True)
class Row:
    """One measured architecture.

    Attributes:
        params: A parameter's name -> its value; those outside the space have ``distributions``.
        values: A measurement's name -> its value, objectives and others.
        distributions: Of parameters outside the space.
        attributes: Of the trial, for a row that was one.
    """

    params: Mapping[str, Any]
    values: Mapping[str, Any]
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def trial(self, search: Search) -> FrozenTrial:
        """The row as a trial of a search, its values in the order of the objectives.

        Raises:
            InvalidSpace: if the space has no such architecture.
            InvalidArgument: if a number is out of its range, an objective is not known, or a name
                cannot be stored.
        """
        names = [goal.name for goal in search.goals]
        missing = [name for name in names if name not in self.values]
        if missing:
            raise InvalidArgument(f"expected the objectives {names}, {missing} not among them")
        for name in self.values:
            if why := objection(name):
                raise InvalidArgument(f"a measurement cannot be named {shown(name)}: {why}")
        values = {name: _number(name, value) for name, value in self.values.items()}
        params, offered = self._parameters(search.space)
        others = {name: value for name, value in values.items() if name not in names}
        return create_trial(
            values=[values[name] for name in names],
            params=params,
            distributions=offered,
            user_attrs={**self._kept(), **others},
        )

    def _kept(self) -> dict[str, Any]:
        """The attributes whose names every storage takes; another one may have taken more."""
        return {name: x for name, x in self.attributes.items() if objection(name) is None}

    def _parameters(self, space: Space) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        """What was chosen, with the space's own value for an equal one, and the distributions."""
        outside = {**self.distributions, **space.numeric}
        chosen: dict[str, Any] = {}
        numbers: dict[str, Any] = {}
        for name, value in self.params.items():
            is_number = name in outside and name not in space.parameters
            (numbers if is_number else chosen)[name] = plain(value)
        for name, distribution in space.numeric.items():
            if name not in numbers or not contains(distribution, numbers[name]):
                raise InvalidArgument(
                    f"expected a value of {name!r} within {distribution}, got {numbers.get(name)!r}"
                )
        choices = space.architecture(chosen).choices
        if not space.is_valid(choices):
            raise InvalidArgument(f"{type(space).__name__} does not allow this combination")
        offered = {name: space.distributions[name] for name in choices}
        return {**numbers, **choices}, {**{name: outside[name] for name in numbers}, **offered}


def _number(name: str, value: object) -> float:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise InvalidArgument(f"expected a finite number as {name!r}, got {value!r}")
    return float(number)
