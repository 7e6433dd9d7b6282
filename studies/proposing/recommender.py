"""From what was measured to the next candidate: belief, screening, acquisition.

    history --encode--> belief --marginals over the pool--> screening --best few dozen-->
    joint samples --acquisition--> the candidate with the highest score

With one objective and nothing pending, the closed form of screening is the acquisition itself.
Many objectives are made one at random for each proposal, where a hypervolume would take minutes.

What was worked out for the latest proposal is kept and saves time at the next; it changes nothing
that is proposed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.encoders import Blocks
from bonas.studies.proposing.acquisition import (
    ACQUISITIONS,
    LEAST_VARIANCE,
    Acquisition,
    noisy_improvement,
    screening,
)
from bonas.studies.proposing.candidates import Pool
from bonas.studies.proposing.observations import History
from bonas.studies.proposing.point import Features, Point
from bonas.studies.proposing.posterior import Posteriors, fit_posteriors
from bonas.studies.proposing.scalarisation import Scalarisation
from bonas.studies.proposing.training_subset import training_subset
from bonas.studies.transfer.prior_mean import TransferPrior
from bonas.surrogates import Surrogate

_logger = logging.getLogger(__name__)

_SHORTLIST = 64  # candidates that the acquisition sees
_TOGETHER = 8  # of these that are chosen before candidates are searched for again
_KNOWN = 64  # known points that it sees beside them, or the whole front where that is larger
_LUCK = 2.0  # standard deviations that bring a known point to the front at most
_SAMPLES = {1: 1_024, 2: 128, 3: 128, 4: 32}  # joint samples, by the number of objectives
_SAMPLES_MADE_ONE = 512  # where many objectives are made one
_FRONT = 25  # from three objectives on, each sample of a larger front costs more: there are fewer,
_FEWEST = 16  # down to these
_LARGEST = {3: 300, 4: 32}  # fronts whose hypervolume takes seconds at most; of five none does

Marginals = tuple[Tensor, Tensor]
_By = tuple[Blocks | None, TransferPrior | None]  # what encodes; each is equal to itself alone


class Proposer:
    """Chooses candidates by an acquisition."""

    def __init__(self, acquisition: Acquisition) -> None:
        self.acquisition = acquisition
        self._belief: Posteriors | None = None
        self._taught: Sequence[Point] | None = None  # what that belief was fitted to
        self._encoded: tuple[_By, Sequence[Point], Tensor] | None = None
        self._told = False

    def belief(
        self, surrogate: Surrogate, history: History, features: Features, pool: Pool, seed: int
    ) -> Posteriors:
        """What the finished trials teach, with one model an objective."""
        if self._belief is None or self._taught is not history.finished:
            rows = training_subset(history.values)
            X = features.encode(pool.listed([history.finished[i] for i in rows]))
            Y, noise = history.values[rows], history.noise[rows]
            self._belief = fit_posteriors(
                surrogate, X, Y, features.layout, seed, self._belief, noise
            )
            self._taught = history.finished
        return self._belief

    def best(
        self,
        belief: Posteriors,
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
        front = is_non_dominated(mean)
        m, size = mean.shape[1], int(front.sum())
        one = None
        if is_made_one(m, size):
            self._tell_made_one(m, size)
            if n > 1:
                return self._each_alone(belief, history, features, pool, reference_point, rng, n)
            one = Scalarisation.draw(mean, belief.scale_reference_point(reference_point), rng)
        reference_point = belief.scale_reference_point(reference_point)

        def score(points: Sequence[Point]) -> Tensor:
            found = whole if points is pool.whole else belief.marginals(features.encode(points))
            assert found is not None
            if one is not None:
                return one.screening(*found, mean)
            return screening(*found, mean, reference_point)

        best = [point for point, good in zip(known, front.tolist(), strict=True) if good]
        shortlist = pool.candidates(best, history.spent, score, _SHORTLIST, rng)
        if not shortlist:
            return []
        alone = n == 1 and not history.pending
        if m == 1 and alone and self.acquisition is noisy_improvement:
            # Closed-form expected improvement has ranked them; samples estimate much the same.
            return shortlist[:1]
        X = torch.cat([X[_may_matter(mean, variance, front)], features.encode(shortlist)])
        draws = belief.sample(X, _samples(m, size), seed=int(rng.integers(2**31)))
        if one is not None and self.acquisition in ACQUISITIONS.values():
            draws, reference_point = one(draws).unsqueeze(-1), one(reference_point).unsqueeze(-1)
        picks = self._one_by_one(draws, len(X) - len(shortlist), reference_point, n)
        return [shortlist[i] for i in picks]

    def _each_alone(
        self,
        belief: Posteriors,
        history: History,
        features: Features,
        pool: Pool,
        reference_point: Tensor,
        rng: np.random.Generator,
        n: int,
    ) -> list[Point]:
        """The same, each with weights of its own; what is chosen is pending for the next."""
        found: list[Point] = []
        for _ in range(min(n, _TOGETHER)):
            more = self.best(belief, history, features, pool, reference_point, rng)
            if not more:
                break
            found += more
            history = history.with_pending(more[0])
        return found

    def _tell_made_one(self, m: int, size: int) -> None:
        """Say once that the hypervolume is not what is maximised."""
        if not self._told:
            self._told = True
            _logger.warning(
                "with %d objectives and %d points on the front, proposals maximise random "
                "scalarisations of the objectives (ParEGO): the hypervolume would take minutes",
                m,
                size,
            )

    def _one_by_one(
        self, draws: Tensor, known: int, reference_point: Tensor, n: int
    ) -> Iterator[int]:
        """The numbers of the ``n`` best candidates; what is chosen counts as known for the next."""
        taken, left = list(range(known)), list(range(known, draws.shape[1]))
        for _ in range(min(n, _TOGETHER, len(left))):
            scores = self.acquisition(draws[:, [*taken, *left]], len(taken), reference_point)
            taken.append(left.pop(int(scores.argmax())))
            yield taken[-1] - known

    def _over_whole(self, belief: Posteriors, features: Features, pool: Pool) -> Marginals | None:
        """The marginals of all points there are; None where they are too many to list."""
        if pool.whole is None:
            return None
        kept = self._encoded
        by = features.blocks, features.prior
        if kept is None or kept[0] != by or kept[1] is not pool.whole:
            kept = self._encoded = by, pool.whole, features.encode(pool.whole)
        return belief.marginals(kept[2])


def is_made_one(m: int, front: int) -> bool:
    """Return whether ``m`` objectives are made one, since a hypervolume would take too long.

    Its boxes grow with a power of the ``front`` points that rises with the objectives.
    """
    return m > 2 and front > _LARGEST.get(m, 0)


def _samples(m: int, front: int) -> int:
    """How many joint samples a proposal takes for ``m`` objectives and that many front points."""
    if is_made_one(m, front):
        return _SAMPLES_MADE_ONE
    s = _SAMPLES[m]
    return s if m < 3 or front <= _FRONT else max(_FEWEST, s * _FRONT // front)


def _over(
    points: Sequence[Point], X: Tensor, belief: Posteriors, pool: Pool, whole: Marginals | None
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
