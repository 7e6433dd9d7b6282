"""The penalty of costly networks in the loss of a policy: expected latency, as in ProxylessNAS.

    L(policy) = E[loss] + weight * E[cost]        the loss in nats, the weight in nats per unit

The expectation of a table is exact. That of a function is estimated by the score function from 16
draws per step, on each of which it is called once in a search.

Source: Cai, Zhu and Han (2019), "ProxylessNAS", ICLR, equation 7.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bonas.arguments import is_number
from bonas.errors import InvalidArgument
from bonas.gradient_search.cost import Function, as_cost
from bonas.gradient_search.policy import Policy
from bonas.spaces import Choice, Choices, Space

_DRAWS = 16


class Penalty:
    """The expected cost of a draw, weighted; called with a policy, it returns a scalar.

    Args:
        space: Of the policy.
        cost: A table, a function of choices, or an evaluator with one objective (``cost``).
        weight: How much loss a unit of cost is worth, at least 0.
        seed: Of its draws.

    Raises:
        InvalidArgument: for a cost that is none, or a weight out of its range.
    """

    def __init__(self, space: Space, cost: object, weight: float, seed: int = 0) -> None:
        if not is_number(weight) or not 0.0 <= weight < math.inf:
            raise InvalidArgument(
                f"expected cost_weight, the loss that a unit of cost is worth, of at least 0, got "
                f"{weight!r}"
            )
        found = as_cost(space, cost)
        if callable(found):
            self._cost: object = _Remembered(found)
        else:
            self._cost = {
                name: dict(zip(space.distributions[name].choices, row, strict=True))
                for name, row in found.items()
            }
        self.weight = float(weight)
        self._generator = torch.Generator().manual_seed(seed)

    @classmethod
    def of(cls, space: Space, cost: object, weight: object, seed: int = 0) -> Penalty | None:
        """Return the penalty; None where there is no cost, or its weight is 0.

        Raises:
            InvalidArgument: if one of both is missing.
        """
        if cost is None and weight is None:
            return None
        if cost is None or weight is None:
            raise InvalidArgument(
                f"expected cost and cost_weight together, got cost={cost!r:.80} and "
                f"cost_weight={weight!r}; the weight says how much loss a unit of cost is worth"
            )
        found = cls(space, cost, weight, seed)  # type: ignore[arg-type]  # which is checked there
        return found if found.weight else None

    def __call__(self, policy: Policy) -> Tensor:
        """Return the weighted expectation, with a gradient."""
        expected = policy.expected(self._cost, self._generator, _DRAWS)  # type: ignore[arg-type]  # checked
        return self.weight * expected


class _Remembered:
    """A function of choices that is called once per network."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._known: dict[frozenset[tuple[str, Choice]], float] = {}

    def __call__(self, choices: Choices) -> float:
        key = frozenset(choices.items())
        if key not in self._known:
            self._known[key] = self._function(choices)
        return self._known[key]
