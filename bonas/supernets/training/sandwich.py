"""The sandwich rule: the largest network, the smallest and some random ones in each step.

What lies between two networks that do well tends to do well. The others learn from the soft outputs
of the largest (in-place distillation), since it is the best teacher at hand.

Sources: Yu and Huang, "Universally slimmable networks and improved training techniques", ICCV 2019;
Yu et al., "BigNAS: Scaling up neural architecture search with big single-stage models", ECCV 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.spaces import Space
from bonas.supernets.training.rule import Step
from bonas.supernets.training.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Sandwich:
    """The largest, the smallest and ``random`` other networks per step.

    Options without an order, such as kinds of operations, are drawn anew in each of them.

    Args:
        random: How many are drawn at random.
        distilled: Whether all others learn from the outputs of the largest.

    Raises:
        InvalidArgument: if a setting is out of its range.
    """

    name = "sandwich"

    random: int = 2
    distilled: bool = True

    def __post_init__(self) -> None:
        check_count("random", self.random, least=0)

    def describe(self) -> dict[str, Any]:
        """Return its name and its settings."""
        return {"rule": self.name, "random": self.random, "distilled": self.distilled}

    def on(self, space: Space) -> SandwichSampler:
        """Apply the rule to a space.

        Raises:
            InvalidArgument: if no parameter has ordered options.
        """
        return SandwichSampler(space, sizes_of(space, self.name), self)


@dataclass(frozen=True, slots=True)
class SandwichSampler:
    """Draws the networks of a sandwich."""

    space: Space
    sizes: Sizes
    rule: Sandwich

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        """Return the largest network, the smallest, and random ones."""
        ends = self.sizes.largest(rng), self.sizes.smallest(rng)
        between = (self.space.sample(rng) for _ in range(self.rule.random))
        return Step((*ends, *between), self.rule.distilled)


def sizes_of(space: Space, rule: str) -> Sizes:
    """Return the ordered parameters of a space for a rule that needs some.

    Raises:
        InvalidArgument: if there is none.
    """
    sizes = Sizes(space)
    if not sizes.options:
        raise InvalidArgument(
            f"expected parameters whose options are numbers for the rule {rule!r}, got none in "
            f'{list(space.distributions)}; take "fair" or "uniform"'
        )
    return sizes
