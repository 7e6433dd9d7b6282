"""An initial design that zero-cost scores lead: networks that score high, far from each other.

    led, random, led, led, ...

The vote of a network is the mean normal score of the scores that agree best with what trained
networks reach. Led proposals are networks of the reference set whose vote is in the best tenth,
each drawn with a probability in proportion to its squared distance from all that were tried
(k-means++).

Scores may mislead. The random proposal shows it: where the best of the first values comes from a
network outside the best tenth, further proposals are random, and there are as many as without
scores.

Source: Arthur and Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bonas.encoders import Blocks
from bonas.encoders.zero_cost import ZeroCostScores
from bonas.spaces import Architecture, Space
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.point import Point

VOTERS = ("synflow", "jacov", "nwot", "naswot", "meco")
"""The scores that vote: of each architecture at its initialisation, higher is better."""
SUPERNET = "supernet"
"""The score that votes of shared weights (``bonas.supernets.InheritedScores``), likewise."""
_BEST = 0.1  # share of the reference set that led proposals are drawn from


class LedDesign:
    """The initial proposals of a search for one objective whose networks have scores.

    Args:
        space: The architectures.
        scores: Their scores.

    Attributes:
        n: The number of initial proposals while the scores lead well.
    """

    n = 5

    def __init__(self, space: Space, scores: ZeroCostScores) -> None:
        self.space, self.scores = space, scores

    @property
    def has_vote(self) -> bool:
        """Whether there are scores that vote."""
        return self.has_initial_vote or SUPERNET in self.scores.scored.names

    @property
    def has_initial_vote(self) -> bool:
        """Whether there are some of networks at their initialisation."""
        return not set(VOTERS).isdisjoint(self.scores.scored.names)

    def size(self, observations: Observations, otherwise: int) -> int:
        """Return the number of initial proposals; ``otherwise`` where the scores mislead."""
        return otherwise if self.misleads(observations) else min(self.n, otherwise)

    def misleads(self, observations: Observations) -> bool:
        """Return whether the best of the measured points is none that the scores would lead to."""
        led = self._are_led(observations.complete_points[: self.n])
        if led.all() or not led.any():
            return False
        values = observations.values[observations.is_complete][: self.n].squeeze(1)
        return bool(values[led].max() < values[~led].max())

    def point(
        self, pool: CandidatePool, observations: Observations, rng: np.random.Generator
    ) -> Point | None:
        """Return the next led point; None if it is to be random, or all were tried."""
        tried = [*observations.points, *observations.pending]
        led = self._are_led(tried)
        if self.misleads(observations) or (bool(led.any()) and bool(led.all())):
            return None
        near = [point.architecture for point in tried if point.architecture is not None]
        weights = self._distances(near)
        while weights.sum() > 0:
            i = int(rng.choice(len(weights), p=weights / weights.sum()))
            point = pool.fitting(Point(self._best[i], pool.parameters.sample(rng)), rng)
            if point is not None and point.key not in observations.excluded:
                return point
            weights[i] = 0.0
        return None

    def _are_led(self, points: Sequence[Point]) -> Tensor:
        """Return which of ``n`` points have a vote in the best tenth."""
        architectures = [point.architecture for point in points if point.architecture is not None]
        if not architectures:
            return torch.zeros(0, dtype=torch.bool)
        return self._votes(architectures) >= self._limit

    def _distances(self, near: Sequence[Architecture]) -> np.ndarray:
        """Return the squared distance of each of the best from the nearest tried network."""
        if not near:
            return np.ones(len(self._best))
        apart: Tensor = torch.cdist(self._blocks.encode(self._best), self._blocks.encode(near))
        return apart.square().amin(1).numpy()

    def _votes(self, architectures: Sequence[Architecture]) -> Tensor:
        found = self.scores.mean_of((*VOTERS, SUPERNET), architectures)
        assert found is not None  # has_vote
        return found

    @cached_property
    def _limit(self) -> float:
        """The vote from which on a network is among the best tenth of the reference set."""
        return float(torch.quantile(self._reference_votes, 1 - _BEST))

    @cached_property
    def _reference_votes(self) -> Tensor:
        return self._votes(self.space.reference)

    @cached_property
    def _best(self) -> list[Architecture]:
        votes = self._reference_votes
        return [
            self.space.reference[i] for i in torch.nonzero(votes >= self._limit).flatten().tolist()
        ]

    @cached_property
    def _blocks(self) -> Blocks:
        """In which distances are measured: nothing that would have to be trained."""
        return Blocks(self.space, ["one_hot", "statistics", self.scores])
