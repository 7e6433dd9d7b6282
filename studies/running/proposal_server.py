"""The proposals of a search with workers: made in turns, made ahead, and made again.

A worker that proposes for itself has a server of its own; the workers of a pool wait for the server
of the process that started them, so that there is one surrogate. What a released trial was to
evaluate comes first, under its old index; then what lies ready; then what the model proposes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial

from bonas.encoders import ScoredNetworks
from bonas.settings import own_settings
from bonas.spaces import Choices
from bonas.studies.budget import budget_of
from bonas.studies.lease import Watch, Worker
from bonas.studies.outcomes import evaluated, given_up, next_index, reopened_below
from bonas.studies.proposing.enqueued import completed, is_whole, objection, unknown
from bonas.studies.proposing.measure_first import MeasureFirst
from bonas.studies.proposing.observations import Observations, point_at
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.proposer import Proposer
from bonas.studies.proposing.queue import ProposalQueue
from bonas.studies.proposing.recommendation import Recommendation
from bonas.studies.proposing.search_space import outside_parameters
from bonas.studies.proposing.taken import Taken
from bonas.studies.proposing.task import Task
from bonas.studies.records import SURPLUS, Proposal, enqueued
from bonas.studies.running import trials, turns


class ProposalServer:
    """Gives the trials of workers their proposals.

    Args:
        study: The study of the search.
        proposer: Turns observations into proposals.
        seed: The seed of the search.
        worker: The process that runs the server: a worker, or the one that started the pool.
        measure_first: What is measured before a network is chosen; None measures nothing.

    Attributes:
        worker: The same; it proposes for itself once the process it works for is gone.
    """

    def __init__(
        self,
        study: Study,
        proposer: Proposer,
        seed: int,
        worker: Worker,
        measure_first: MeasureFirst | None = None,
    ) -> None:
        self.study, self.worker = study, worker
        self._measure_first = measure_first or MeasureFirst()
        self.seed, self._proposer = seed, proposer
        self._queue = ProposalQueue()
        self._watch = Watch()
        self._taken = Taken()

    @own_settings()
    def settle(self, trial: FrozenTrial) -> None:
        """Block until a trial of the worker has its proposal, in the storage.

        Raises:
            UpdateFinishedTrialError: if the trial was released.
        """
        parameters, space = self._parameters(), self._proposer.space
        is_alone = turns.settle_in_turn(
            self.study,
            trial,
            self.worker,
            self._watch,
            offer=lambda waiting: self._offer(waiting, parameters),
            is_free=lambda found: not self._taken.has(self.study, trial, found, space, parameters),
        )
        if is_alone:
            self.worker = self.worker.alone()  # from now on

    @own_settings()
    def complete_enqueued(self, trial: FrozenTrial) -> str | None:
        """Complete what a trial of the worker was enqueued with, if it was.

        Return why no trial can have these parameters; None if one can.
        """
        given, space = enqueued(trial), self._proposer.space
        if not given or space is None:
            return None
        known = self.study.get_trials(deepcopy=False)
        why = objection(given, space, outside_parameters(self.study, space))
        why = why or unknown(given, space, known)
        if why is not None or is_whole(given, space):
            return why
        choices = completed(self.study, trial, given, space, self.seed)
        if choices is None:
            return f"no valid architecture was found with {given}"
        with suppress(UpdateFinishedTrialError):
            Proposal(trial.number, choices, None).settle(self.study, trial)
        return None

    @own_settings()
    def serve(self) -> int:
        """Offer proposals to the trials that wait, if it is this server's turn; return how many."""
        waiting = turns.to_serve(self.study, self.worker.name)
        if waiting:
            self._offer(waiting, self._parameters())
        return len(waiting)

    @own_settings()
    def prepare(self, workers: int) -> bool:
        """Make proposals that will be asked for soon; return whether that took time.

        There are none where evaluations take long, see ``ProposalQueue``.
        """
        known = self.study.get_trials(deepcopy=False)
        n = self._queue.missing(known, workers)
        if not n:
            return False
        task = self._task(self._parameters())
        observations = self._queue.as_pending(Observations.of(self.study, task))
        if not self._proposer.has_model(observations, self._scores()):
            return False  # random ones take no time
        made = self._recommended(task, observations, next_index(known), n)
        self._queue.put(made, task.parameters)
        return True

    def warm_up(self) -> None:
        """Train what embeds networks in the background, if there will be a model."""
        self._proposer.warm_up(budget_of(self.study).most)

    def awaits_first_model(self) -> bool:
        """Return whether the next proposal is the first by a model, for which encoders are made."""
        return self._proposer.waits(evaluated(self.study))

    def measured(self, choices: Choices) -> Mapping[str, float]:
        """Return what was measured of an architecture before it was chosen: a name -> its value."""
        cheap = self._measure_first.objectives(self.study, self._task(Parameters({})))
        if cheap is None or self._proposer.space is None:
            return {}
        cheap.refresh()
        return cheap.stored(self._proposer.space.architecture(choices))

    def _scores(self) -> ScoredNetworks | None:
        return self._proposer.scoring.networks(self.study, self._proposer.space)

    def _parameters(self) -> Parameters:
        return Parameters(outside_parameters(self.study, self._proposer.space))

    def _task(self, parameters: Parameters) -> Task:
        return Task.of(self.study, self._proposer.space, parameters)

    def _offer(self, waiting: Sequence[FrozenTrial], parameters: Parameters) -> None:
        """Offer a proposal to each waiting trial, the first one's last.

        Where nothing is left to be tried, a trial is released.
        """
        known = self.study.get_trials(deepcopy=False)
        task = self._task(parameters)
        observations = Observations.of(self.study, task, waiting[0].number)
        # So no index is above its trial's number, and an enqueued trial's own number is free.
        index = next_index(known[: waiting[0].number])
        made = self._proposals(known, task, observations, index, len(waiting))
        for trial in waiting[len(made) :]:
            trials.release(self.study, trial, SURPLUS)
        for trial, proposal in reversed(list(zip(waiting, made, strict=False))):
            proposal.offer(self.study, trial)

    def _proposals(
        self,
        known: Sequence[FrozenTrial],
        task: Task,
        observations: Observations,
        index: int,
        n: int,
    ) -> list[Proposal]:
        """Return at most ``n`` proposals, new ones from ``index`` on; fewer if nothing is left."""
        made: list[Proposal] = []
        for proposal in self._given_up(known, task.parameters):
            point = point_at(proposal.params, task.space, task.parameters)
            if point is not None and point.key in observations.excluded:
                continue
            made.append(proposal)
            if len(made) == n:
                return made
            if point is not None:
                observations = observations.with_pending(point)
        while len(made) < n:
            missing = n - len(made)
            ready = self._queue.take(observations, task.parameters, missing)
            found = ready or self._recommended(task, observations, index, missing)
            if not found:
                break
            for each in found:
                made.append(Proposal(index, each.point.params, each.prediction, each.source))
                observations = observations.with_pending(each.point)
                index += 1
        return made

    def _given_up(self, known: Sequence[FrozenTrial], parameters: Parameters) -> Iterator[Proposal]:
        """Yield the proposals of released trials that the space still has."""
        space = self._proposer.space
        for proposal in given_up(known, reopened_below(self.study, known)):
            others = parameters.distributions
            if space is None or objection(proposal.params, space, others) is None:
                yield proposal

    def _recommended(
        self, task: Task, observations: Observations, index: int, n: int
    ) -> list[Recommendation]:
        """Return at most ``n`` new proposals, from ``index`` on; empty if all were made before."""
        began = time.perf_counter()
        cheap = self._measure_first.objectives(self.study, task)
        suggested = self._proposer.suggestions.of(self.study, task.space, self.seed)
        found = self._proposer.propose(
            task, observations, self.seed, index, n, self._scores(), cheap, suggested
        )
        self._queue.seconds = time.perf_counter() - began
        return found
