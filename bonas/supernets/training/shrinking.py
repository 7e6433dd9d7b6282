"""Progressive shrinking: the largest network first, then more and more of the smaller options.

The training has stages of equal length, after a first one with the largest network alone. Groups of
parameters are opened one after the other, each from its largest options down by one per stage:

    stage 0         largest only
    stage 1, 2, ... group 1 with its 2, 3, ... largest options
    ...             group 2, and group 1 as a whole
    last            all options of all parameters

In each step the largest network learns from the targets, and a random one of the open options from
its outputs. (Once-for-All distils from a frozen copy of the largest; here it is the one at hand, as
in BigNAS, which takes no second set of weights.) Options without an order are drawn from the start.

Source: Cai et al., "Once-for-all: Train one network and specialize it for efficient deployment",
ICLR 2020, which opens kernels, then depths, then widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from bonas.arguments import check_range
from bonas.errors import InvalidArgument
from bonas.spaces import Choice, Space
from bonas.supernets.training.rule import Step
from bonas.supernets.training.sandwich import sizes_of
from bonas.supernets.training.sizes import Sizes

_DRAWS = 30  # tries for an allowed network of open options


@dataclass(frozen=True, slots=True)
class Shrinking:
    """The largest network, and beside it ever smaller ones.

    Args:
        order: Groups of parameters in the order in which they are opened; each is a pattern of
            their names such as ``"*kernel*"``. The others follow as a last group.
        first: Share of the training in which the largest network learns alone.

    Raises:
        InvalidArgument: if a setting is out of its range.
    """

    name = "shrinking"

    order: Sequence[str] = ()
    first: float = 0.25

    def __post_init__(self) -> None:
        check_range("first", self.first, 0.0, 1.0)
        if isinstance(self.order, str) or not all(isinstance(x, str) for x in self.order):
            raise InvalidArgument(
                f"order must be patterns of parameters' names, got {self.order!r}; as in "
                'order=("*kernel*", "*depth*")'
            )
        object.__setattr__(self, "order", tuple(self.order))

    def describe(self) -> dict[str, Any]:
        """Return its name and its settings."""
        return {"rule": self.name, "order": list(self.order), "first": self.first}

    def on(self, space: Space) -> ShrinkingSampler:
        """Apply the rule to a space.

        Raises:
            InvalidArgument: if no parameter has ordered options, or a pattern fits none.
        """
        sizes = sizes_of(space, self.name)
        return ShrinkingSampler(space, sizes, self.first, _stages(sizes, self.order))


@dataclass(frozen=True, slots=True)
class ShrinkingSampler:
    """Draws networks of the options that are open.

    Attributes:
        space: The architectures.
        sizes: Its ordered parameters.
        first: Share of the training with the largest network alone.
        stages: How many options of each ordered parameter are open in each later stage.
    """

    space: Space
    sizes: Sizes
    first: float
    stages: Sequence[dict[str, int]]

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        """Return the largest network and, after the first stage, one of the open options."""
        largest = self.sizes.largest(rng)
        if progress < self.first:
            return Step((largest,))
        done = (progress - self.first) / (1.0 - self.first)
        opened = self.stages[min(int(done * len(self.stages)), len(self.stages) - 1)]
        for _ in range(_DRAWS):
            path = self.space.completed(self._drawn(opened, rng), rng)
            if self.space.allows(path):
                return Step((largest, path), taught=True)
        return Step((largest, self.sizes.largest(rng)), taught=True)  # bounds forbid what is open

    def _drawn(self, opened: dict[str, int], rng: np.random.Generator) -> dict[str, Choice]:
        return {
            name: options[len(options) - 1 - int(rng.integers(opened[name]))]
            for name, options in self.sizes.options.items()
        }


def _stages(sizes: Sizes, order: Sequence[str]) -> list[dict[str, int]]:
    """Return how many options of each parameter are open in each stage after the first."""
    opened, stages = dict.fromkeys(sizes.options, 1), []
    for group in _groups(list(sizes.options), order):
        for n in range(2, 1 + max(len(sizes.options[name]) for name in group)):
            opened |= {name: min(n, len(sizes.options[name])) for name in group}
            stages.append(dict(opened))
    return stages


def _groups(names: Sequence[str], order: Sequence[str]) -> list[list[str]]:
    """Return the names in groups: those that fit each pattern first, then the others.

    Raises:
        InvalidArgument: if a pattern fits no name that is left.
    """
    left, groups = list(names), []
    for pattern in order:
        fitting = [name for name in left if fnmatchcase(name, pattern)]
        if not fitting:
            raise InvalidArgument(
                f"expected a pattern of parameters whose options are numbers, got {pattern!r}, "
                f"which fits none of {left}; change the order of the rule 'shrinking'"
            )
        groups.append(fitting)
        left = [name for name in left if name not in fitting]
    return [*groups, left] if left else groups
