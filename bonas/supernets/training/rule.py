"""Rule: which networks of a supernet learn in a step of its training.

All networks of a step see the same batch; their gradients are summed, and the shared weights are
updated once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bonas.spaces import Choices, Space


@dataclass(frozen=True, slots=True)
class Step:
    """The networks of one step.

    Attributes:
        paths: The choices of each, at least one.
        taught: Whether all but the first learn from the outputs of the first, instead of the
            targets. That needs labels or tokens and bonas's own loss; otherwise the targets are
            used.
    """

    paths: tuple[Choices, ...]
    taught: bool = False


class Sampler(Protocol):
    """A rule applied to a space."""

    def step(self, rng: np.random.Generator, progress: float, /) -> Step:
        """Draw the networks of a step, which the space allows.

        Args:
            rng: The only source of randomness: what is drawn depends on nothing that was drawn
                before, so that a training can be resumed at any step.
            progress: The share of the training that is done, in [0, 1).
        """
        ...


@runtime_checkable
class Rule(Protocol):
    """A rule, whatever the space."""

    @property
    def name(self) -> str:
        """What records and logs call it."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON values that decide what is drawn; a checkpoint is compared by them."""
        ...

    def on(self, space: Space, /) -> Sampler:
        """Apply the rule to a space.

        Raises:
            InvalidArgument: if it does not suit the space.
        """
        ...
