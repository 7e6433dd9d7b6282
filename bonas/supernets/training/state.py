"""State: what a training has left of a supernet, besides its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bonas.spaces import Choice, Choices
from bonas.supernets.training.record import FitRecord
from bonas.supernets.training.scoring import InheritedScore, Scoring

Key = frozenset[tuple[str, Choice]]


@dataclass(eq=False)
class State:
    """What is known of the shared weights.

    Attributes:
        fits: The trainings that have ended.
        scores: Those of networks with the weights of the digest ``weights``.
        weights: Empty while there are no scores.
        loss_weights: Those of a loss that is trained along.
        scoring: Scores further networks; None until it is needed.
    """

    fits: tuple[FitRecord, ...] = ()
    scores: dict[Key, InheritedScore] = field(default_factory=dict)
    weights: str = ""
    loss_weights: Mapping[str, Tensor] = field(default_factory=dict)
    scoring: Scoring | None = None

    def changed(self) -> None:
        """Forget what was true of other weights."""
        self.scores.clear()
        self.weights, self.scoring = "", None

    def scores_of(self, weights: str) -> dict[Key, InheritedScore]:
        """Return the scores of networks with these weights, to read and to add to."""
        if self.weights != weights:
            self.scores.clear()
            self.weights = weights
        return self.scores

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the scoring, which holds the data and is made anew."""
        return {**vars(self), "scoring": None}


def key_of(choices: Choices) -> Key:
    """Return what identifies checked choices."""
    return frozenset(choices.items())
