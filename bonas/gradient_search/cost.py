"""Costs of choices: a table that is summed over the chosen options, or any function of choices.

    cost(choices) = sum over (parameter, option) in choices of table[parameter][option]

The expectation of a table under a policy is exact, as in ProxylessNAS, which measures the latency
of each operation once. That of a function, such as the prediction of a surrogate or the sum of a
``LatencyTable``, is estimated from draws (``score_function``).

Source: Cai, Zhu and Han (2019), "ProxylessNAS", ICLR.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bonas.arguments import is_number
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.evaluation.declared import declared_objectives
from bonas.spaces import Choice, Choices, Space

Table = Mapping[str, tuple[float, ...]]
"""A parameter -> the cost of each of its options."""
Function = Callable[[Choices], float]
Cost = (
    Mapping[tuple[str, Choice], float]
    | Mapping[str, Mapping[Choice, float]]
    | Callable[..., object]
)
"""What users give: a table by (parameter, option) or by parameter, a function of choices, or an
evaluator with one objective."""


def as_cost(space: Space, given: object) -> Table | Function:
    """Return a table with the cost of every option, or a function of choices.

    A parameter that a table does not name costs nothing.

    Raises:
        InvalidArgument: for anything else, such as a table that lacks an option of a parameter.
    """
    if isinstance(given, Mapping):
        return _table(space, given)
    if not callable(given):
        raise InvalidArgument(
            "expected a cost: a table {(parameter, option): number}, or a function of choices that "
            f"returns a number, got {given!r}"
        )
    goals = declared_objectives(given)
    if not goals:
        return lambda choices: _number(given(choices), choices)
    if len(goals) > 1:
        raise InvalidArgument(
            f"expected a cost with one objective, got {[goal.name for goal in goals]} of {given!r}"
        )
    name = goals[0].name

    def measured(choices: Choices) -> float:
        """Return what the evaluator measures of one architecture."""
        found: object = given(Candidate.without_trial(space, space.checked(choices)))
        return _number(found.get(name) if isinstance(found, Mapping) else found, choices)

    return measured


def table_sum(space: Space, table: Table, choices: Choices) -> float:
    """Return the cost of choices by a table."""
    return math.fsum(
        table[name][space.distributions[name].choices.index(value)]
        for name, value in choices.items()
        if name in table
    )


def _table(space: Space, given: Mapping[object, object]) -> Table:
    rows: dict[object, dict[object, object]] = {}
    for key, value in given.items():
        if isinstance(value, Mapping):
            rows.setdefault(key, {}).update(value)
        elif isinstance(key, tuple) and len(key) == 2:
            rows.setdefault(key[0], {})[key[1]] = value
        else:
            raise InvalidArgument(
                f"expected costs by (parameter, option), got {key!r}: {value!r}; as in "
                '{("edge_0_1", "skip_connect"): 0.1}'
            )
    return {str(name): _row(space, name, row) for name, row in rows.items()}


def _row(space: Space, name: object, row: Mapping[object, object]) -> tuple[float, ...]:
    if name not in space.distributions:
        raise InvalidArgument(
            f"expected costs of parameters of {type(space).__name__}, got {name!r}; it has "
            f"{list(space.distributions)}"
        )
    options = space.distributions[str(name)].choices
    if set(row) != set(options):
        raise InvalidArgument(
            f"expected the cost of each option of {name!r}, {list(options)}, got {list(row)}"
        )
    found = []
    for option in options:
        value = row[option]
        if not is_number(value) or not math.isfinite(value):
            raise InvalidArgument(
                f"expected a finite cost of {option!r} of {name!r}, got {value!r}"
            )
        found.append(float(value))
    return tuple(found)


def _number(found: object, choices: Choices) -> float:
    if is_number(found):
        value = float(found)
    elif hasattr(found, "item"):
        value = float(found.item())
    else:
        raise InvalidArgument(f"expected a cost that is a number, got {found!r} for {choices}")
    if not math.isfinite(value):
        raise InvalidArgument(f"expected a finite cost, got {value} for {dict(choices)}")
    return value
