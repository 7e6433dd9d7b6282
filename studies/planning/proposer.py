"""From what was measured to the next candidate: belief, screening, acquisition.

    history --encode--> belief --marginals over the pool--> screening --best few dozen-->
    joint samples --acquisition--> the candidate with the highest score

With one objective and nothing pending, the closed form of screening is the acquisition itself.

What was worked out for the latest proposal is kept and saves time at the next; it changes nothing
that is proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.encoders import Blocks
from bonas.studies.planning.acquisition import (
    LEAST_VARIANCE,
    Acquisition,
    noisy_improvement,
    screening,
)
from bonas.studies.planning.belief import Belief
from bonas.studies.planning.history import History
from bonas.studies.planning.lesson import lesson
from bonas.studies.planning.point import Features, Point
from bonas.studies.planning.pool import Pool
from bonas.studies.planning.prior import Prior
from bonas.surrogates import Surrogate

_SHORTLIST = 64  # candidates that the acquisition sees
_TOGETHER = 8  # of these that are chosen before candidates are searched for again
_KNOWN = 64  # known points that it sees beside them, or the whole front where that is larger
_LUCK = 2.0  # standard deviations that bring a known point to the front at most
_SAMPLES = {1: 1_024}  # joint samples for one objective,
_SAMPLES_MORE = 128  # and for several

Marginals = tuple[Tensor, Tensor]
_By = tuple[Blocks | None, Prior | None]  # what encodes; each is equal to itself alone


class Proposer:
    """Chooses candidates by an acquisition."""

    def __init__(self, acquisition: Acquisition) -> None:
        self.acquisition = acquisition
        self._belief: Belief | None = None
        self._taught: Sequence[Point] | None = None  # what that belief was fitted to
        self._encoded: tuple[_By, Sequence[Point], Tensor] | None = None

    def belief(
        self, surrogate: Surrogate, history: History, features: Features, pool: Pool, seed: int
    ) -> Belief:
        """What the finished trials teach, with one model an objective."""
        if self._belief is None or self._taught is not history.finished:
            rows = lesson(history.values)
            X = features.encode(pool.listed([history.finished[i] for i in rows]))
            Y, noise = history.values[rows], history.noise[rows]
            self._belief = Belief.fitted(
                surrogate, X, Y, features.layout, seed, self._belief, noise
            )
            self._taught = history.finished
        return self._belief

    def best(
        self,
        belief: Belief,
        history: History,
        features: Features,
        pool: Pool,
        reference_point: Tensor,
        rng: np.random.Generator,
        n: int = 1,
    ) -> list[Point]:
        """At most ``n`` points of the pool, each most worth an evaluation beside those before it.

        None at all where all are spent. ``reference_point``: ``m`` oriented values in the user's
        units.
        """
        known = pool.listed([*history.finished, *history.pending])
        X = features.encode(known)
        whole = self._over_whole(belief, features, pool)
        mean, variance = _over(known, X, belief, pool, whole)
        reference_point = belief.scaled(reference_point)

        def score(points: Sequence[Point]) -> Tensor:
            found = whole if points is pool.whole else belief.marginals(features.encode(points))
            assert found is not None
            return screening(*found, mean, reference_point)

        front = is_non_dominated(mean)
        best = [point for point, good in zip(known, front.tolist(), strict=True) if good]
        shortlist = pool.candidates(best, history.spent, score, _SHORTLIST, rng)
        if not shortlist:
            return []
        alone = n == 1 and not history.pending
        if mean.shape[1] == 1 and alone and self.acquisition is noisy_improvement:
            # Closed-form expected improvement has ranked them; samples estimate much the same.
            return shortlist[:1]
        X = torch.cat([X[_may_matter(mean, variance, front)], features.encode(shortlist)])
        s = _SAMPLES.get(mean.shape[1], _SAMPLES_MORE)
        draws = belief.draws(X, s, seed=int(rng.integers(2**31)))
        picks = self._one_by_one(draws, len(X) - len(shortlist), reference_point, n)
        return [shortlist[i] for i in picks]

    def _one_by_one(
        self, draws: Tensor, known: int, reference_point: Tensor, n: int
    ) -> Iterator[int]:
        """The numbers of the ``n`` best candidates; what is chosen counts as known for the next."""
        taken, left = list(range(known)), list(range(known, draws.shape[1]))
        for _ in range(min(n, _TOGETHER, len(left))):
            scores = self.acquisition(draws[:, [*taken, *left]], len(taken), reference_point)
            taken.append(left.pop(int(scores.argmax())))
            yield taken[-1] - known

    def _over_whole(self, belief: Belief, features: Features, pool: Pool) -> Marginals | None:
        """The marginals of all points there are; None where they are too many to list."""
        if pool.whole is None:
            return None
        kept = self._encoded
        by = features.blocks, features.prior
        if kept is None or kept[0] != by or kept[1] is not pool.whole:
            kept = self._encoded = by, pool.whole, features.encode(pool.whole)
        return belief.marginals(kept[2])


def _over(
    points: Sequence[Point], X: Tensor, belief: Belief, pool: Pool, whole: Marginals | None
) -> Marginals:
    """The marginals of the points with encodings ``X``, looked up in the whole where it can be."""
    rows = [None if whole is None else pool.row(point) for point in points]
    if whole is None or all(row is None for row in rows):
        return belief.marginals(X)
    at = torch.tensor([-1 if row is None else row for row in rows])
    mean, variance = whole[0][at], whole[1][at]
    others = at < 0
    if others.any():
        mean[others], variance[others] = belief.marginals(X[others])
    return mean, variance


def _may_matter(mean: Tensor, variance: Tensor, front: Tensor) -> Tensor:
    """Which of ``n`` known points could shape the front: on it, or a little luck away from it.

    The luck that a point needs: the least number of standard deviations, added to all its values
    at once, with which no point of the front dominates it.
    """
    sd = variance.clamp_min(LEAST_VARIANCE).sqrt()
    behind = (mean[front] - mean.unsqueeze(1)) / sd.unsqueeze(1)
    luck = behind.amin(-1).amax(1)
    luck[front] = -torch.inf
    near = torch.argsort(luck, stable=True)[: max(_KNOWN, int(front.sum()))]
    return near[luck[near] <= _LUCK]
