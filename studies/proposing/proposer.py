"""What to try next: a design first, then the candidate that the surrogate's belief speaks for.

    trials -> history -> (random points, extremes, what other tasks promise) | (belief, acquisition)

Everything that is kept from one call to the next saves time, and changes nothing that is proposed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from linear_operator.utils.errors import NanError, NotPSDError
from optuna import Study
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # documented, not exported

from bonas.encoders import Blocks, Encoder, shared_blocks
from bonas.errors import BonasError, FitFailed, InvalidArgument
from bonas.evaluation.objective import oriented
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.proposing.acquisition import Acquisition
from bonas.studies.proposing.candidates import Pool
from bonas.studies.proposing.initial_design import promised
from bonas.studies.proposing.observations import History
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Features, Point
from bonas.studies.proposing.posterior import Posteriors
from bonas.studies.proposing.presets import Preset
from bonas.studies.proposing.recommender import Proposer
from bonas.studies.records import directions, names_of
from bonas.studies.transfer.prior_mean import TransferPrior
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate
from bonas.threads import one_thread

_logger = logging.getLogger(__name__)

Prediction = dict[str, Any] | None
"""What the surrogate expects of a point; None of a random one."""
Planned = tuple[Point, Prediction]

_NUMERICAL = (FitFailed, NanError, NotPSDError, LinAlgError)


class Planner:
    """Turns what a study knows into the next proposal.

    The arguments are those of ``ArchitectureSampler``, checked.
    """

    def __init__(
        self,
        space: Space | None,
        surrogates: Preset,
        encoders: Sequence[str | Encoder],
        acquisition: Acquisition,
        n_initial: int,
        reference_point: Sequence[float] | None,
        source_tasks: Sequence[SourceTask],
    ) -> None:
        self.space, self.surrogates, self.encoders = space, surrogates, encoders
        self.n_initial, self.reference_point = n_initial, reference_point
        self.source_tasks = source_tasks
        self._proposer = Proposer(acquisition)
        self._prior: TransferPrior | None = None
        self._blocks: Blocks | None = None
        self._pool: Pool | None = None
        self._warming: threading.Thread | None = None
        self._failures: set[str] = set()  # that were told

    def next(
        self, study: Study, history: History, parameters: Parameters, seed: int, index: int, n: int
    ) -> list[Planned]:
        """At most ``n`` points, the first one for the proposal ``index``; none if all are spent.

        They follow from what the study holds, the seed, and the index.
        """
        rng = np.random.default_rng([seed, index])
        pool = self._pool_over(parameters)
        surrogate = self.surrogates.for_objectives(len(study.directions))
        if surrogate is not None and self.models(history):
            planned = self._modelled(study, surrogate, history, pool, seed, rng, n)
        elif surrogate is not None:
            planned = [(self._initial(study, history, pool, index, rng), None)]
        else:
            planned = [(pool.draw(rng, history.spent), None)]
        found = [(point, prediction) for point, prediction in planned if point is not None]
        last = None if found else pool.left(history.spent)
        return found if last is None else [(last, None)]

    def again(self, parameters: Parameters, seed: int, index: int) -> Point:
        """A random point, where all were proposed before."""
        _logger.warning("every architecture of the space was proposed before; one comes again")
        rng = np.random.default_rng([seed, index])
        point = self._pool_over(parameters).draw(rng, frozenset())
        assert point is not None  # nothing is spent
        return point

    def models(self, history: History) -> bool:
        """Whether enough was tried, and half of that measured: the rest may be under way."""
        finished, pending = len(history.finished), len(history.pending)
        return finished + pending >= self.n_initial and 2 * finished >= self.n_initial

    def warm_up(self, budget: int) -> None:
        """Prepare what needs no values in the background; the first model waits for its end.

        A search with such a budget may have no model.
        """
        has_model = self.surrogates.one is not None and budget > self.n_initial
        if self.space is not None and has_model and self._blocks is None:
            arguments = self.space, self.encoders
            self._warming = threading.Thread(target=_warm_up, args=arguments, name="bonas-warm-up")
            self._warming.start()

    def waits(self, finished: int) -> bool:
        """Return whether the next proposal is the first by a model: the encoders are to be made."""
        models = self.space is not None and self.surrogates.one is not None
        return models and self._blocks is None and finished >= self.n_initial

    def _initial(
        self, study: Study, history: History, pool: Pool, index: int, rng: np.random.Generator
    ) -> Point | None:
        """A proposal before there are enough values for a fit."""
        prior = self._known(study)
        point = pool.extreme(index, rng) if len(study.directions) > 1 else None
        if prior is not None and point is None:
            return promised(prior, pool, history, index, rng)
        point = None if point is None else pool.fitting(point, rng)
        if point is None or point.key in history.spent:
            return pool.draw(rng, history.spent)
        return point

    def _known(self, study: Study) -> TransferPrior | None:
        """What other tasks tell of the study's objectives."""
        if not self.source_tasks or self.space is None:
            return None
        names = names_of(study)
        objectives = dict(zip(names, directions(study), strict=bool(names)))
        if self._prior is None or self._prior.objectives != objectives:
            self._prior = TransferPrior(self.space, self.source_tasks, objectives)
        return self._prior

    def _pool_over(self, parameters: Parameters) -> Pool:
        """The latest pool, if it is over the same; it keeps its list of all points."""
        if self._pool is None or self._pool.parameters != parameters:
            self._pool = Pool(self.space, parameters)
        return self._pool

    def _modelled(
        self,
        study: Study,
        surrogate: Surrogate,
        history: History,
        pool: Pool,
        seed: int,
        rng: np.random.Generator,
        n: int,
    ) -> list[tuple[Point | None, Prediction]]:
        """The candidates with the best acquisition values.

        One random one where an encoder, the surrogate or the acquisition fails: that costs the
        search a proposal, not its end.

        Raises:
            BonasError: for what cannot work in any proposal, such as a wrong reference point.
        """
        try:
            features = Features(self._trained_blocks(), pool.parameters, self._known(study))
            with one_thread():
                belief = self._proposer.belief(surrogate, history, features, pool, seed)
                limit = self._reference_point(study, history.values)
                points = self._proposer.best(belief, history, features, pool, limit, rng, n)
            return [(p, _prediction(study, belief, features.encode([p]))) for p in points]
        except _NUMERICAL as error:
            self._tell(error)
        except BonasError:
            raise
        except Exception as error:
            self._tell(error, with_traceback=True)
        return [(pool.draw(rng, history.spent), None)]

    def _tell(self, error: Exception, with_traceback: bool = False) -> None:
        """Say once what a model failed with."""
        text = f"{type(error).__name__}: {error}"
        if text not in self._failures:
            self._failures.add(text)
            _logger.warning(
                "no model for this proposal, which is random, as are all that meet the same: %s",
                text,
                exc_info=error if with_traceback else None,
            )

    def _reference_point(self, study: Study, values: Tensor) -> Tensor:
        """``m`` oriented values; the same ones from the ``n_initial``-th finished trial on."""
        if self.reference_point is not None:
            if len(self.reference_point) != len(study.directions):
                raise InvalidArgument(
                    f"reference_point has {len(self.reference_point)} value(s), the study "
                    f"{len(study.directions)} objectives; give one value an objective"
                )
            return torch.from_numpy(oriented(self.reference_point, directions(study))).squeeze(0)
        first = values[: self.n_initial]
        worst, best = first.min(0).values, first.max(0).values
        span = torch.where(best > worst, best - worst, worst.abs().clamp_min(1.0))
        return torch.nan_to_num(worst - 0.1 * span)  # which may overflow

    def _trained_blocks(self) -> Blocks | None:
        """Return the encoders of the space; wait for those that are trained in the background."""
        if self.space is None:
            return None
        if self._warming is not None:
            self._warming.join()
            self._warming = None
        if self._blocks is None:
            self._blocks = shared_blocks(self.space, self.encoders)
        return self._blocks


@own_settings()
def _warm_up(space: Space, encoders: Sequence[str | Encoder]) -> None:
    """Train the encoders, and encode the whole space where it is listed."""
    with suppress(Exception):  # whoever needs the blocks will meet it, and say so
        shared_blocks(space, encoders).encode(space.members or ())


def _prediction(study: Study, belief: Posteriors, X: Tensor) -> dict[str, Any]:
    """What the belief says of one encoded point, in the user's units."""
    mean, sd = belief.predict(X)
    told = oriented(mean.numpy(), directions(study))  # its own inverse
    return {"mean": told[0].tolist(), "sd": sd[0].tolist(), "weights": belief.weights}
