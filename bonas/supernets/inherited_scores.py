"""Inherited scores: what shared weights say of networks, as zero-cost scores of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bonas.errors import InvalidArgument
from bonas.evaluation.training.initial_weights import check_space
from bonas.spaces import Choices, Space
from bonas.supernets.supernet import Supernet

_NAME = "supernet"


@dataclass(frozen=True, eq=False)
class InheritedScores:
    """A source of scores: ``bonas.optimize(..., zero_cost=InheritedScores(supernet))``.

    The score of a network is minus its validation loss with the shared weights. A search computes
    60 to 300 of them, in at most 5 % of its time, and keeps them in its study; those of all other
    networks are predicted. With one objective they lead the first proposals, and the surrogate
    learns what they are worth. ``warm_start=supernet`` brings the scores of 500 networks at once,
    whatever they take.

    Args:
        supernet: Trained, with a training that says what the rows and the loss are.

    Raises:
        InvalidArgument: if it is no supernet, or was not trained.
    """

    names: ClassVar[tuple[str, ...]] = (_NAME,)

    supernet: Supernet

    def __post_init__(self) -> None:
        if not isinstance(self.supernet, Supernet):
            raise InvalidArgument(
                f"expected a Supernet, got {self.supernet!r}; as in InheritedScores(supernet)"
            )
        if self.supernet.training is None or not self.supernet.fits:
            raise InvalidArgument(
                "expected a supernet that was trained, got one that was not; call "
                "Supernet(space, training).fit() first, or Supernet.load(path, space, training)"
            )

    def __call__(self, space: Space, choices: Choices) -> Mapping[str, float]:
        """Return the score of a network under its name; NaN if its loss is not finite.

        Raises:
            InvalidArgument: for a network of another space.
        """
        check_space(self.supernet, space)
        return {_NAME: self.supernet.score(choices)}

    def describe(self) -> dict[str, Any]:
        """Return what decides the scores, as JSON values: the weights."""
        return self.supernet.describe()
