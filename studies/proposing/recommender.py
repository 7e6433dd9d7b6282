"""From observations to the next candidate: posteriors, screening, acquisition.

    observations --encode--> posteriors --marginals over the pool--> screening --best few dozen-->
    joint samples --acquisition--> the candidate with the highest score

With one objective and nothing pending, the closed form of screening is the acquisition itself.
Where a hypervolume would take minutes, each proposal maximises a random scalarisation instead.

Cheap objectives are measured for the first candidates, which are then scored again by what was
measured, until the first ones are known (``cheap_objectives.py``, ``beliefs.py``).

The posteriors of the latest proposal are kept to save time; they change nothing that is proposed.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence
from itertools import compress

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from torch import Tensor

from bonas.evaluation.objective import Objective
from bonas.studies.proposing.acquisition import (
    ACQUISITIONS,
    LEAST_VARIANCE,
    Acquisition,
    noisy_improvement,
)
from bonas.studies.proposing.beliefs import Beliefs
from bonas.studies.proposing.candidates import CandidatePool, Keys, Score
from bonas.studies.proposing.cheap_objectives import CheapObjectives
from bonas.studies.proposing.feasibility import Feasibility, weighted
from bonas.studies.proposing.features import EncodedPool
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.partial_curves import PartialCurves
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import Posteriors, fit_posteriors, with_measurements
from bonas.studies.proposing.ranking import Ranking
from bonas.studies.proposing.scalarisation import Scalarisation
from bonas.studies.proposing.training_subset import training_subset
from bonas.surrogates import Surrogate

_logger = logging.getLogger(__name__)

_SHORTLIST = 64  # candidates that the acquisition sees
_TOGETHER = 8  # of these that are chosen before candidates are searched for again
_KNOWN = 64  # known points that it sees next to them, or the whole front where that is larger
_LUCK = 2.0  # standard deviations that bring a known point to the front at most
_SAMPLES = {1: 1_024, 2: 128, 3: 128, 4: 32}  # joint samples, by the number of objectives
_SAMPLES_SCALARISED = 512
_FRONT = 25  # from three objectives on, each sample of a larger front costs more: there are fewer,
_FEWEST = 16  # down to these
_LARGEST = {3: 300, 4: 32}  # fronts whose hypervolume takes seconds at most; of five none does

_MEASURED = 16  # candidates whose cheap objectives are measured at once
_FIRST = 4  # candidates that are known before one of all is chosen
_ROUNDS = 8  # of measurements, at most; two are typical


class Recommender:
    """Chooses candidates by an acquisition."""

    def __init__(self, acquisition: Acquisition) -> None:
        self.acquisition = acquisition
        self._posteriors: Posteriors | None = None
        self._fitted_to: Sequence[Point] | None = None
        self._has_warned = False

    def posteriors(
        self,
        surrogate: Surrogate,
        observations: Observations,
        candidates: EncodedPool,
        seed: int,
        objectives: Sequence[Objective],
    ) -> Posteriors:
        """Fit one model per objective to the observations, or return the latest for the same."""
        if self._posteriors is None or self._fitted_to is not observations.points:
            rows = training_subset(observations.values)
            X = candidates.encode([observations.points[i] for i in rows])
            curves = PartialCurves.encoded(
                objectives, observations.trainings, X, rows, candidates.encode
            )
            self._posteriors = fit_posteriors(
                surrogate,
                X,
                observations.values[rows],
                candidates.features.layout,
                seed,
                self._posteriors,
                observations.variances[rows],
                curves,
            )
            self._fitted_to = observations.points
        return self._posteriors

    def with_measurements(
        self,
        posteriors: Posteriors,
        surrogate: Surrogate,
        observations: Observations,
        candidates: EncodedPool,
        seed: int,
        cheap: CheapObjectives,
        index: int,
    ) -> Posteriors:
        """Return posteriors that have learnt what was measured for earlier proposals.

        Not where points have parameters outside the space: what was measured has no values of them.
        """
        if candidates.pool.parameters.distributions:
            return posteriors
        keys = frozenset(point.key for point in observations.points)
        learnt = cheap.learnt(index, keys)
        if not learnt:
            return posteriors
        rows = training_subset(observations.values)
        X = candidates.encode([observations.points[i] for i in rows])
        trials = X, observations.values[rows], observations.variances[rows]
        measured = {j: (candidates.encode(points), y) for j, (points, y) in learnt.items()}
        layout = candidates.features.layout
        return with_measurements(posteriors, surrogate, trials, measured, layout, seed)

    def recommend(
        self,
        posteriors: Posteriors,
        observations: Observations,
        candidates: EncodedPool,
        reference_point: Tensor,
        rng: np.random.Generator,
        n: int = 1,
        cheap: CheapObjectives | None = None,
        index: int = 0,
        feasibility: Feasibility | None = None,
    ) -> list[Point]:
        """Return at most ``n`` points, each the best to evaluate together with those before it.

        Empty if every point of the pool is excluded. ``reference_point``: ``m`` oriented values in
        the user's units. Objectives out of ``cheap`` are measured for the best candidates before
        one is chosen as the proposal ``index``, and count as known. ``feasibility`` weighs the
        improvement by the probability that a point is feasible.
        """
        feasible = observations.complete_points
        if feasibility is not None:
            feasible = feasibility.among(feasible)
        leads = feasibility is not None and not feasible
        known = candidates.pool.canonical([*feasible, *observations.pending])
        if feasibility is not None and leads:
            known = candidates.pool.canonical(feasibility.nearest(observations.complete_points))
        X = candidates.features.encode(known)
        beliefs = Beliefs(posteriors, candidates, observations, cheap)
        mean, variance = beliefs.known_marginals(known, X)
        limit = posteriors.scale_reference_point(reference_point)
        front, scalarised = is_non_dominated(mean), None
        m, size = mean.shape[1], int(front.sum())
        if is_scalarised(m, size):
            self._warn(m, size)
            if n > 1:
                given = posteriors, candidates, reference_point, rng, cheap, index, feasibility
                return self._one_scalarisation_each(observations, n, *given)
            scalarised = Scalarisation.draw(mean, limit, rng)
        baseline = limit.unsqueeze(0) if leads else mean
        ranking = Ranking(posteriors, beliefs, baseline, limit, scalarised, feasibility, leads)
        best = known if leads else list(compress(known, front.tolist()))
        excluded = observations.excluded
        shortlist = _shortlist(candidates.pool, best, excluded, ranking, rng, cheap, n, index)
        if leads:
            return shortlist[:n]
        is_alone = n == 1 and not observations.pending
        if not shortlist or (m == 1 and is_alone and self.acquisition is noisy_improvement):
            # Closed-form expected improvement has ranked them; samples estimate much the same.
            return shortlist[:1]
        near = _may_matter(mean, variance, front)
        X = torch.cat([X[near], candidates.features.encode(shortlist)])
        sampled = [*(known[i] for i in near.tolist()), *shortlist]
        samples = beliefs.sample(sampled, X, _samples(m, size), seed=int(rng.integers(2**31)))
        measured = (near < len(feasible)).tolist() + [False] * len(shortlist)
        picks = self._picks(ranking, samples, torch.tensor(measured), shortlist, n)
        return [shortlist[i] for i in picks]

    def _picks(
        self,
        ranking: Ranking,
        samples: Tensor,
        measured: Tensor,
        shortlist: Sequence[Point],
        n: int,
    ) -> Iterator[int]:
        """Return which of the short list are chosen, by joint samples of known points and of it.

        ``measured``: which rows of the samples are trials, whose values keep the constraints.
        """
        limit, scalarised, chance = ranking.reference_point, ranking.scalarised, None
        if ranking.feasibility is not None:
            samples = ranking.feasibility.masked(samples, measured, ranking.posteriors, limit)
            chance = ranking.feasibility.log_probability(shortlist)
        if scalarised is not None and self.acquisition in ACQUISITIONS.values():
            samples, limit = scalarised(samples).unsqueeze(-1), scalarised(limit).unsqueeze(-1)
        return self._one_by_one(samples, len(measured) - len(shortlist), limit, n, chance)

    def _one_scalarisation_each(
        self,
        observations: Observations,
        n: int,
        posteriors: Posteriors,
        candidates: EncodedPool,
        reference_point: Tensor,
        rng: np.random.Generator,
        cheap: CheapObjectives | None,
        index: int,
        feasibility: Feasibility | None,
    ) -> list[Point]:
        """Return points each with weights of its own; a chosen one is pending for the next."""
        found: list[Point] = []
        for _ in range(min(n, _TOGETHER)):
            given = posteriors, observations, candidates, reference_point, rng
            more = self.recommend(*given, 1, cheap, index, feasibility)
            if not more:
                break
            found += more
            observations = observations.with_pending(more[0])
        return found

    def _warn(self, m: int, size: int) -> None:
        """Log once that the hypervolume is not what is maximised."""
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "with %d objectives and %d points on the front, proposals maximise random "
                "scalarisations of the objectives (ParEGO): the hypervolume would take minutes",
                m,
                size,
            )

    def _one_by_one(
        self,
        samples: Tensor,
        known: int,
        reference_point: Tensor,
        n: int,
        chance: Tensor | None = None,
    ) -> Iterator[int]:
        """Yield the rows of the ``n`` best candidates; a chosen one is known for the next.

        ``chance``: the logarithms of the probabilities that candidates are feasible.
        """
        taken, left = list(range(known)), list(range(known, samples.shape[1]))
        for _ in range(min(n, _TOGETHER, len(left))):
            scores = self.acquisition(samples[:, [*taken, *left]], len(taken), reference_point)
            if chance is not None:
                among = chance[[row - known for row in left]]
                scores = weighted(scores, among, is_log=samples.shape[-1] == 1)
            taken.append(left.pop(int(scores.argmax())))
            yield taken[-1] - known


def is_scalarised(m: int, front: int) -> bool:
    """Return whether ``m`` objectives are scalarised, since a hypervolume would take too long.

    Its boxes grow with a power of the ``front`` points that rises with the objectives.
    """
    return m > 2 and front > _LARGEST.get(m, 0)


def _samples(m: int, front: int) -> int:
    """Return how many joint samples ``m`` objectives and that many front points take."""
    if is_scalarised(m, front):
        return _SAMPLES_SCALARISED
    s = _SAMPLES[m]
    return s if m < 3 or front <= _FRONT else max(_FEWEST, s * _FRONT // front)


def _shortlist(
    pool: CandidatePool,
    best: Sequence[Point],
    excluded: Keys,
    score: Score,
    rng: np.random.Generator,
    cheap: CheapObjectives | None,
    n: int,
    index: int,
) -> list[Point]:
    """Return the candidates with the best scores, after the cheap objectives of some are measured.

    They are ranked again by what was measured, until the first ones are known. Each ranking begins
    from the same random numbers, so that a process which died after a measurement changes nothing.
    """
    if cheap is None:
        return pool.candidates(best, excluded, score, _SHORTLIST, rng)

    def score_possible(points: Sequence[Point]) -> Tensor:
        return score(points).masked_fill(cheap.have_none(points), -torch.inf)

    cheap.refresh()
    for _ in range(_ROUNDS):
        again = copy.deepcopy(rng)
        found = pool.candidates(best, excluded, score_possible, _SHORTLIST, again)
        if cheap.are_known(found[: max(_FIRST, n)]):
            found = [point for point in found if cheap.are_known([point])]
            break
        if not cheap.measure(found[:_MEASURED], index):
            break  # the time for measurements is up
    rng.bit_generator.state = again.bit_generator.state
    return found


def _may_matter(mean: Tensor, variance: Tensor, front: Tensor) -> Tensor:
    """Return which of ``n`` known points could shape the front: on it, or a little luck away.

    The luck that a point needs is the least number of standard deviations, added to all its values
    at once, with which no point of the front dominates it.
    """
    sd = variance.clamp_min(LEAST_VARIANCE).sqrt()
    behind = (mean[front] - mean.unsqueeze(1)) / sd.unsqueeze(1)
    luck = behind.amin(-1).amax(1)
    luck[front] = -torch.inf
    near = torch.argsort(luck, stable=True)[: max(_KNOWN, int(front.sum()))]
    return near[luck[near] <= _LUCK]
