"""From a task and its observations to proposals: an initial design first, then a model.

    observations -> initial design | (encodings -> posteriors -> acquisition) -> recommendations

What is kept from one call to the next saves time, and changes nothing that is proposed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from linear_operator.utils.errors import NanError, NotPSDError
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # documented, not exported

from bonas.encoders import Blocks, Encoder, ScoredNetworks, ZeroCostScores, shared_blocks
from bonas.errors import BonasError, FitFailed
from bonas.evaluation.objective import oriented
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.proposing.acquisition import Acquisition
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.cheap_objectives import CheapObjectives
from bonas.studies.proposing.feasibility import Feasibility, follows, violation_of_sizes
from bonas.studies.proposing.features import EncodedPool, Features
from bonas.studies.proposing.initial_design import initial_point
from bonas.studies.proposing.knowledge import Knowledge
from bonas.studies.proposing.led_design import LedDesign
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import Posteriors
from bonas.studies.proposing.presets import Preset
from bonas.studies.proposing.recommendation import Recommendation
from bonas.studies.proposing.recommender import Recommender
from bonas.studies.proposing.scoring import Scoring
from bonas.studies.proposing.suggested import (
    Suggested,
    Suggestions,
    has_turn,
    next_suggested,
    source_of,
)
from bonas.studies.proposing.task import Task
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate
from bonas.threads import one_thread

_logger = logging.getLogger(__name__)

_COLD, _WARM = 10, 4  # initial proposals, without and with source tasks
_DRAWN = 200  # random points among which one keeps constraints on sizes
_NUMERICAL = (FitFailed, NanError, NotPSDError, LinAlgError)


@dataclass
class _Scored:
    """What is made of zero-cost scores, once."""

    scores: ScoredNetworks
    encoder: ZeroCostScores
    design: LedDesign | None
    blocks: Blocks | None = None


@dataclass(frozen=True)
class _Asked:
    """The arguments of ``propose``, and the pool of the points to choose from."""

    task: Task
    observations: Observations
    pool: CandidatePool
    seed: int
    index: int
    n: int
    scores: ScoredNetworks | None
    cheap: CheapObjectives | None
    suggested: Sequence[Suggested]


class Proposer:
    """Turns observations into the next proposals.

    Args:
        space: The architectures; None in a search over other parameters alone.
        surrogates: The surrogate for one objective and that for several.
        encoders: The encoders whose blocks the surrogate reads.
        acquisition: Scores candidates from joint samples.
        n_initial: The number of trials before the first fit; None for the default.
        source_tasks: Measurements of other tasks, for a transfer prior.
        scoring: Gives the networks of a study zero-cost scores.
        with_scores: The surrogates that take the place of ``surrogates`` where there are scores;
            None for the same.
        suggestions: Gives a study the candidates of a source.

    Attributes:
        n_initial: The number of trials before the first fit of a search without scores.
        scoring: The same.
        suggestions: The same.
        knowledge: What the source tasks say.
    """

    def __init__(
        self,
        space: Space | None,
        surrogates: Preset,
        encoders: Sequence[str | Encoder],
        acquisition: Acquisition,
        n_initial: int | None,
        source_tasks: Sequence[SourceTask],
        scoring: Scoring | None = None,
        with_scores: Preset | None = None,
        suggestions: Suggestions | None = None,
    ) -> None:
        self.space, self.surrogates, self.encoders = space, surrogates, encoders
        if ZeroCostScores.name in encoders:  # made of the scores of a study
            self.encoders = [each for each in encoders if each != ZeroCostScores.name]
        self.n_initial = n_initial or (_WARM if source_tasks else _COLD)
        self.knowledge = Knowledge(space, source_tasks)
        self.scoring = scoring or Scoring(None)
        self.suggestions = suggestions or Suggestions()
        self._with_scores = with_scores or surrogates
        self._is_led, self._may_be_short = not source_tasks, n_initial is None
        self._scored: _Scored | None = None
        self._recommender = Recommender(acquisition)
        self._blocks: Blocks | None = None
        self._candidates: EncodedPool | None = None
        self._pool: CandidatePool | None = None
        self._warming: threading.Thread | None = None
        self._failures: set[str] = set()  # that have been logged

    def propose(
        self,
        task: Task,
        observations: Observations,
        seed: int,
        index: int,
        n: int,
        scores: ScoredNetworks | None = None,
        cheap: CheapObjectives | None = None,
        suggested: tuple[Suggested, ...] = (),
    ) -> list[Recommendation]:
        """Return at most ``n`` recommendations, the first for the proposal ``index``.

        Empty if every point is excluded. They are a function of the arguments; ``scores`` are what
        ``scoring`` gives the study, ``suggested`` what ``suggestions`` does, and a model may have
        ``cheap`` measure more.
        """
        pool = self._pool_over(task.parameters, suggested)
        asked = _Asked(task, observations, pool, seed, index, n, scores, cheap, suggested)
        rng = np.random.default_rng([seed, index])
        surrogates = self.surrogates if scores is None else self._with_scores
        surrogate = surrogates.for_objectives(len(task.objectives))
        if surrogate is None:
            found = _random(pool.draw(rng, observations.excluded))
        elif self.has_model(observations, scores):
            found = self._by_model(asked, surrogate, rng)
        else:
            found = self._initial(asked, rng)
        found = self._of_allowed_size(found, asked, rng)
        return found or _random(pool.left(observations.excluded))

    def _initial(self, asked: _Asked, rng: np.random.Generator) -> list[Recommendation]:
        """Return the proposal of the initial design; empty if nothing is left."""
        observations, pool, m = asked.observations, asked.pool, len(asked.task.objectives)
        prior = self.knowledge.prior(asked.task, observations)
        excluded, known = observations.excluded, None
        if has_turn(asked.index, m, prior is not None):
            known = next_suggested(asked.suggested, pool, excluded, rng)
        if known is not None:
            return [Recommendation(known[0], source=known[1])]
        design = self._design(m, asked.scores)
        led = None if design is None else design.point(pool, observations, rng)
        return _random(led or initial_point(pool, excluded, prior, m, asked.index, rng))

    def _of_allowed_size(
        self, found: list[Recommendation], asked: _Asked, rng: np.random.Generator
    ) -> list[Recommendation]:
        """Return a point whose size keeps the constraints in place of one whose does not.

        Of random ones the first, or the least violating if all violate. Proposals of a model know.
        """
        limits, space = asked.observations.limits, asked.task.space
        sizes = [each for each in limits.constraints if follows(each.name, limits, space)]
        if not sizes or not found or found[0].prediction is not None:
            return found
        drawn = [found[0].point]
        while len(drawn) < _DRAWN:
            violation = float(violation_of_sizes(drawn[-1:], sizes, space))
            if violation == 0:
                return found if len(drawn) == 1 else _random(drawn[-1])
            point = asked.pool.draw(rng, asked.observations.excluded)
            if point is None:
                break
            drawn.append(point)
        least = int(violation_of_sizes(drawn, sizes, space).argmin())
        return found if least == 0 else _random(drawn[least])

    def repeat(self, parameters: Parameters, seed: int, index: int) -> Point:
        """Return a random point, for a space of which all were proposed before."""
        _logger.warning("every architecture of the space was proposed before; one comes again")
        rng = np.random.default_rng([seed, index])
        point = self._pool_over(parameters, ()).draw(rng, frozenset())
        assert point is not None  # nothing is excluded
        return point

    def has_model(self, observations: Observations, scores: ScoredNetworks | None = None) -> bool:
        """Return whether a model makes the next proposal.

        That takes ``n_initial`` trials, fewer where scores lead well, half of them measured: the
        others may be pending.
        """
        if self.space is not None and scores is None and not self.encoders:
            return False  # it would have nothing to read
        design, n = self._design(observations.values.shape[1], scores), self.n_initial
        if design is not None and self._may_be_short:
            n = design.size(observations, n)
        measured, pending = len(observations.complete_points), len(observations.pending)
        pending += observations.limits.spared
        return measured + pending >= n and 2 * measured >= n

    def warm_up(self, budget: int) -> None:
        """Train the encoders in a background thread; the first model waits for it.

        Does nothing if the budget ends before a model is needed.
        """
        least = self.n_initial
        if self.scoring.source is not None and self._may_be_short:
            least = min(least, LedDesign.n)
        needs_model = self.surrogates.one is not None and budget > least
        if self.space is not None and needs_model and self._blocks is None:
            arguments = self.space, self.encoders
            self._warming = threading.Thread(target=_warm_up, args=arguments, name="bonas-warm-up")
            self._warming.start()

    def waits(self, finished: int) -> bool:
        """Return whether the next proposal, the first by a model, waits for the encoders."""
        models = self.space is not None and self.surrogates.one is not None
        return models and self._blocks is None and finished >= self.n_initial

    def _by_model(
        self, asked: _Asked, surrogate: Surrogate, rng: np.random.Generator
    ) -> list[Recommendation]:
        """Return the candidates with the best acquisition values.

        One random point where an encoder, the surrogate or the acquisition fails: a failure costs
        one proposal, not the search.

        Raises:
            BonasError: for what cannot work in any proposal, such as a wrong argument.
        """
        try:
            return self._recommended(asked, surrogate, rng)
        except _NUMERICAL as error:
            self._log(error)
        except BonasError:
            raise
        except Exception as error:
            self._log(error, with_traceback=True)
        return _random(asked.pool.draw(rng, asked.observations.excluded))

    def _recommended(
        self, asked: _Asked, surrogate: Surrogate, rng: np.random.Generator
    ) -> list[Recommendation]:
        """Encode, fit, and return the candidates with the best acquisition values."""
        task, observations = asked.task, asked.observations
        blocks = self._encoders(asked.scores, len(task.objectives))
        prior = self.knowledge.prior(task, observations)
        candidates = self._encoded(asked.pool, Features(blocks, asked.pool.parameters, prior))
        with one_thread():
            posteriors = self._posteriors(asked, surrogate, candidates)
            complete = observations.values[observations.is_complete]
            limit = task.oriented_reference_point(complete[: self.n_initial])
            feasibility = Feasibility.of(task, observations, candidates, asked.seed)
            if feasibility is not None:
                limit = feasibility.tightened(limit, complete)
            known = posteriors, observations, candidates, limit
            points = self._recommender.recommend(
                *known, rng, asked.n, asked.cheap, asked.index, feasibility
            )
        encode = candidates.features.encode
        return [
            Recommendation(
                p,
                _prediction(task, posteriors, p, encode([p]), feasibility),
                source_of(p, asked.pool, asked.suggested),
            )
            for p in points
        ]

    def _posteriors(
        self, asked: _Asked, surrogate: Surrogate, candidates: EncodedPool
    ) -> Posteriors:
        """Fit the posteriors to the trials, and to what cheap objectives were measured since."""
        data = surrogate, asked.observations, candidates, asked.seed
        found = self._recommender.posteriors(*data, asked.task.objectives)
        self.knowledge.say(found.objectives)
        if asked.cheap is None:
            return found
        asked.cheap.refresh()
        return self._recommender.with_measurements(found, *data, asked.cheap, asked.index)

    def _log(self, error: Exception, with_traceback: bool = False) -> None:
        """Log once why a model failed."""
        text = f"{type(error).__name__}: {error}"
        if text not in self._failures:
            self._failures.add(text)
            _logger.warning(
                "no model for this proposal, which is random, as are all that meet the same: %s",
                text,
                exc_info=error if with_traceback else None,
            )

    def _pool_over(self, parameters: Parameters, suggested: Sequence[Suggested]) -> CandidatePool:
        """Return the latest pool if it is over the same parameters: it keeps its enumeration."""
        also = tuple(each.architecture for each in suggested)
        kept = self._pool
        if kept is None or kept.parameters != parameters or kept.suggested != also:
            kept = self._pool = CandidatePool(self.space, parameters, also)
        return kept

    def _encoders(self, scores: ScoredNetworks | None, m: int) -> Blocks | None:
        """Return the encoders' blocks, trained, that of scores included; None without a space.

        ``m``: the number of objectives.
        """
        if self.space is None:
            return None
        if self._warming is not None:
            self._warming.join()
            self._warming = None
        if self._blocks is None and self.encoders:
            self._blocks = shared_blocks(self.space, self.encoders)
        if scores is None:
            return self._blocks
        scored = self._scored_of(scores)
        if scored.blocks is None:
            others = [] if self._blocks is None else self._blocks.encoders
            is_initial = scored.design is not None and scored.design.has_initial_vote
            more = self._with_scores.only_of_one if m == 1 and is_initial else ()
            scored.blocks = Blocks(self.space, [*others, *more, scored.encoder])
        return scored.blocks

    def _design(self, m: int, scores: ScoredNetworks | None) -> LedDesign | None:
        """Return the initial design that scores lead, for a search for one objective."""
        if scores is None or m > 1 or not self._is_led:
            return None
        return self._scored_of(scores).design

    def _scored_of(self, scores: ScoredNetworks) -> _Scored:
        """Return what was made of the latest scores, or make it."""
        assert self.space is not None  # what the scores are of
        if self._scored is None or self._scored.scores is not scores:
            encoder = ZeroCostScores(self.space, scores)
            design = LedDesign(self.space, encoder)
            self._scored = _Scored(scores, encoder, design if design.has_vote else None)
        return self._scored

    def _encoded(self, pool: CandidatePool, features: Features) -> EncodedPool:
        """Return the latest encoded pool if it is the same."""
        kept = self._candidates
        if kept is None or kept.pool is not pool or kept.features != features:
            kept = self._candidates = EncodedPool(pool, features)
        return kept


def _random(point: Point | None) -> list[Recommendation]:
    return [] if point is None else [Recommendation(point)]


@own_settings()
def _warm_up(space: Space, encoders: Sequence[str | Encoder]) -> None:
    """Train the encoders, and encode the whole space where it can be enumerated."""
    with suppress(Exception):  # the first model meets the error, and reports it
        shared_blocks(space, encoders).encode(space.members or ())


def _prediction(
    task: Task, posteriors: Posteriors, point: Point, X: Tensor, feasibility: Feasibility | None
) -> dict[str, Any]:
    """Return the posteriors at one encoded point, in the user's units, and how feasible it is."""
    more = {} if feasibility is None else feasibility.described(point, X, posteriors)
    mean, sd = posteriors.predict(X)
    values = oriented(mean.numpy(), task.directions)  # its own inverse
    found = {"mean": values[0].tolist(), "sd": sd[0].tolist(), "weights": posteriors.weights}
    return found | {name: x for name, x in more.items() if x is not None}
