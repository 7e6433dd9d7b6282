"""Sizes of a network that follow from its architecture: its parameters, and its operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import Objective

PARAMETERS = Objective("parameters", "minimize")
FLOPS = Objective("flops", "minimize")


@dataclass(frozen=True)
class ParameterCount:
    """An evaluator: the trainable parameters of a network.

    Called with a candidate it returns ``parameters``, to be minimised, as the space knows them: no
    network is built.

    Raises:
        InvalidArgument: if the space knows no ``costs`` of that name.

    >>> [str(objective) for objective in ParameterCount().objectives]
    ['parameters']
    """

    objectives: ClassVar[tuple[Objective, ...]] = (PARAMETERS,)
    cost: ClassVar[float] = 0.0  # seconds per candidate

    def describe(self) -> dict[str, Any]:
        """Return what decides the count, as JSON values under the objective's name."""
        return {PARAMETERS.name: {"counted": "trainable"}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``parameters``."""
        return {PARAMETERS.name: _cost_of(candidate, "parameters")}


@dataclass(frozen=True)
class FLOPs:
    """An evaluator: the floating point operations of a network for one example.

    Called with a candidate it returns ``flops``, to be minimised: two per multiply-add that the
    space knows, as in its bound ``max_flops``. No network is built.

    Raises:
        InvalidArgument: if the space knows no ``costs`` of that name.

    >>> FLOPs().describe()
    {'flops': {'per_multiply_add': 2}}
    """

    objectives: ClassVar[tuple[Objective, ...]] = (FLOPS,)
    cost: ClassVar[float] = 0.0  # seconds per candidate

    def describe(self) -> dict[str, Any]:
        """Return what decides the number, as JSON values under the objective's name."""
        return {FLOPS.name: {"per_multiply_add": 2}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``flops``."""
        return {FLOPS.name: 2.0 * _cost_of(candidate, "multiply_adds")}


def _cost_of(candidate: Candidate, name: str) -> float:
    costs = candidate.space.costs(candidate.choices)
    if name not in costs:
        raise InvalidArgument(
            f"expected a space that knows the {name} of its networks, got a "
            f"{type(candidate.space).__name__} whose costs are {costs}; give it a method costs "
            "that returns them, or leave this evaluator out"
        )
    return costs[name]
