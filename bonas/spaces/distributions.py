"""The parameters of a space as Optuna distributions, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.distributions import CategoricalDistribution

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice
from bonas.texts import objection, shown


def distributions(owner: str, parameters: object) -> dict[str, CategoricalDistribution]:
    """Return the distribution of each of the ``parameters`` of a space, which ``owner`` names.

    Raises:
        InvalidSpace: if there is no parameter, or one has fewer than two distinct choices.
    """
    if not isinstance(parameters, Mapping) or not parameters:
        raise InvalidSpace(
            f"{owner}.parameters must map at least one name to its choices, got {parameters!r}"
        )
    return {name: _distribution(name, choices) for name, choices in parameters.items()}


def _distribution(name: str, choices: Sequence[Choice]) -> CategoricalDistribution:
    """Return the distribution of one parameter, or refuse its name or its choices."""
    if not isinstance(name, str):
        raise InvalidSpace(f"expected the names of parameters as strings, got {name!r}")
    if why := objection(name):
        raise InvalidSpace(f"a parameter cannot be named {shown(name)}: {why}")
    if isinstance(choices, str) or not isinstance(choices, Sequence):
        raise InvalidSpace(f"parameter {name!r} needs a sequence of choices, got {choices!r}")
    if len(choices) < 2:
        raise InvalidSpace(
            f"parameter {name!r} has {len(choices)} choice(s), expected at least 2; "
            "write a constant into graph() and build() instead"
        )
    for value in choices:
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise InvalidSpace(
                f"parameter {name!r} has the choice {value!r}; expected None, a bool, a number or "
                "a string: name the choice, and look the object up in graph() and build()"
            )
    if len(set(choices)) < len(choices):
        raise InvalidSpace(f"parameter {name!r} repeats a choice: {list(choices)}")
    return CategoricalDistribution(tuple(choices))
