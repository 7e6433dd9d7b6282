"""The Optuna sampler that reads architectures as graphs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import intersection_search_space
from optuna.trial import FrozenTrial, TrialState

from bonas.arguments import check_count
from bonas.encoders import Encoder, check_encoder
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.candidate import index_of
from bonas.optuna_internals import contains, read_afresh
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.outcomes import given_up, next_index, reopened_below
from bonas.studies.proposing.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.enqueued import objection
from bonas.studies.proposing.independent import fit_to_bounds
from bonas.studies.proposing.observations import Observations, point_at
from bonas.studies.proposing.parameters import Parameters, independent_value
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.presets import preset
from bonas.studies.proposing.proposer import Proposer, Recommendation
from bonas.studies.proposing.queue import ProposalQueue
from bonas.studies.proposing.task import Task
from bonas.studies.records import SURPLUS, Proposal, proposed
from bonas.studies.running import claims, trials
from bonas.studies.running.lease import Watch, Worker
from bonas.studies.running.settled import Settled
from bonas.studies.transfer.prior_mean import check_source_tasks
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate

_COLD, _WARM = 10, 4  # initial proposals, without and with source tasks


class ArchitectureSampler(BaseSampler):
    """Proposes architectures by Bayesian optimisation over graphs; an ordinary Optuna sampler.

    What it proposes is a function of the study's trials, ``seed`` and the trial's number: a sampler
    made afresh from the same storage proposes the same. Running trials count as pending points, an
    isomorphic network is never proposed twice, and the whole proposal is written to the trial when
    it is asked for.

    Attributes:
        worker: Who evaluates, where several do together (``bonas.optimize`` sets it): they propose
            one after the other.

    Args:
        space: The architectures; without one it searches the study's parameters alone.
        surrogate: A name out of ``SURROGATES`` (``mixture``, ``gp``, ``deep_kernel``, ...) or a
            ``Surrogate``.
        encoder: Names out of ``ENCODERS`` (``one_hot``, ``statistics``, ``gnn``, ...) or encoders;
            by default those that the surrogate reads.
        acquisition: A name (``noisy_improvement``: qLogNEI for one objective, qNEHVI for more,
            random scalarisations (qLogNParEGO) for five and more, or for large fronts of three or
            four; ``thompson``) or an ``Acquisition``.
        n_initial: How many trials there must be before the first fit, finished with success or,
            up to a half, under way; by default 10, or 4 with ``source_tasks``. Before that,
            proposals are random (with source tasks only every second one), but with several
            objectives the first two are the smallest and the largest network, so that both ends of
            the front are seen.
        reference_point: One value an objective, in its unit, that every point worth having beats;
            by default a little worse than the worst of the first ``n_initial`` finished trials.
        source_tasks: Measurements of other tasks or devices, for a transfer prior; objectives are
            matched by the study's metric names.
        seed: Of everything random; None takes a fresh one.

    Raises:
        InvalidArgument: for an unknown name, or a combination that cannot work.

    >>> import bonas, optuna
    >>> space = bonas.spaces.NASBench201()
    >>> study = optuna.create_study(direction="maximize", sampler=ArchitectureSampler(space))
    >>> trial = study.ask(space.distributions)
    >>> sorted(trial.params) == sorted(space.parameters)
    True
    """

    def __init__(
        self,
        space: Space | None = None,
        *,
        surrogate: str | Surrogate = "mixture",
        encoder: str | Encoder | Sequence[str | Encoder] | None = None,
        acquisition: str | Acquisition = "noisy_improvement",
        n_initial: int | None = None,
        reference_point: Sequence[float] | None = None,
        source_tasks: Sequence[SourceTask] = (),
        seed: int | None = None,
    ) -> None:
        if not (space is None or isinstance(space, Space)):
            raise InvalidArgument(f"space must be a bonas.Space or None, got {space!r}")
        if n_initial is None:
            n_initial = _WARM if source_tasks else _COLD
        check_count("n_initial", n_initial)
        if seed is not None:
            check_count("seed", seed, least=0)
        self.space = space
        surrogates = preset(surrogate, space)
        needed = surrogates.encoders if isinstance(surrogate, str) else ()
        self._proposer = Proposer(
            space,
            surrogates,
            _chosen_encoders(encoder, surrogates.encoders, needed),
            _chosen_acquisition(acquisition),
            n_initial,
            check_source_tasks(source_tasks, space, surrogate, surrogates.reads_prior_mean),
        )
        self._reference_point = _checked_point(reference_point)
        self.seed = _fresh_seed() if seed is None else seed
        self._distributions = {} if space is None else space.distributions
        self.worker: Worker | None = None
        self._queue = ProposalQueue()
        self._watch = Watch()
        self._settled = Settled()
        self._asking = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: x for name, x in vars(self).items() if name != "_asking"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _asking=threading.Lock())

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The space's parameters and numbers, and whatever every finished trial has."""
        return {**self._distributions, **self._others(study)}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Note which process evaluates the trial, so that it can be released if that one dies."""
        trials.claim(study, trial, self.worker or Worker.here())

    @own_settings()
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One proposal for all of ``search_space``; a worker of a search waits for its turn."""
        if not self._distributions.keys() <= search_space.keys():
            return {}
        others = {n: d for n, d in search_space.items() if n not in self._distributions}
        parameters = Parameters(others)
        if self.worker is None:
            self._settle(study, trial, parameters)
        elif claims.claim(
            study,
            trial,
            self.worker,
            self._watch,
            offer=lambda waiting: self._offer(study, waiting, parameters),
            is_free=lambda proposal: self._is_free(study, trial, proposal, parameters),
        ):
            self.worker = self.worker.alone()  # from now on
        now = read_afresh(study, trial)
        trial.user_attrs.update(now.user_attrs)  # Optuna read the trial before it had an index
        trial.system_attrs.update(now.system_attrs)
        found = proposed(now)
        return {name: found[name] for name in search_space if name in found}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A random value, for a parameter that no model knows yet."""
        known = proposed(trial)
        if param_name in known and contains(param_distribution, known[param_name]):
            return known[param_name]  # it was drawn before the trial was cut off
        alone = independent_value(param_distribution, param_name, self.seed, index_of(trial))
        return fit_to_bounds(self.space, trial, param_name, alone, self.seed)

    @own_settings()
    def serve(self, study: Study, asker: str) -> int:
        """Propose for the workers that wait, if it is this asker's turn; for how many."""
        waiting = claims.to_serve(study, asker)
        if waiting:
            self._offer(study, waiting, Parameters(self._others(study)))
        return len(waiting)

    def warm_up(self, budget: int) -> None:
        """Train what embeds networks in the background, if there will be a model."""
        self._proposer.warm_up(budget)

    def waits(self, finished: int) -> bool:
        """Return whether the next proposal, the first by a model, waits for the encoders."""
        return self._proposer.waits(finished)

    @own_settings()
    def prepare(self, study: Study, workers: int) -> bool:
        """Make proposals for workers that will ask soon, where evaluations are short."""
        known = study.get_trials(deepcopy=False)
        n = self._queue.missing(known, workers)
        if not n:
            return False
        parameters = Parameters(self._others(study))
        task = self._task(study, parameters)
        observations = self._queue.as_pending(Observations.of(study, task))
        if not self._proposer.has_model(observations):
            return False  # random ones take no time
        index = next_index(known)
        self._queue.put(self._recommended(task, observations, index, n), parameters)
        return True

    def reseed_rng(self) -> None:
        """Take a fresh seed."""
        self.seed = _fresh_seed()

    @own_settings()
    def exhausted(self, study: Study) -> bool:
        """Whether every architecture of the space has been proposed."""
        if self.space is None or self._others(study):
            return False  # with other parameters there is always something new to try
        nothing = Parameters({})
        excluded = Observations.of(study, self._task(study, nothing)).excluded
        return CandidatePool(self.space, nothing).left(excluded) is None

    def _others(self, study: Study) -> dict[str, BaseDistribution]:
        """The parameters beside the choices that every finished trial has.

        The space's own numbers, while none is finished.
        """
        known = study.get_trials(deepcopy=False)
        first = next((trial for trial in known if trial.state == TrialState.COMPLETE), None)
        if first is None:
            numeric = {} if self.space is None else self.space.numeric
            return {name: numbers for name, numbers in numeric.items() if not numbers.single()}
        if first.params.keys() <= self._distributions.keys():
            return {}
        shared = intersection_search_space(known)
        return {
            name: distribution
            for name, distribution in shared.items()
            if name not in self._distributions and not distribution.single()
        }

    def _settle(self, study: Study, trial: FrozenTrial, parameters: Parameters) -> None:
        """Write a proposal to a trial of a program that asks for itself.

        Its threads ask one after the other. What another process proposed meanwhile is seen after
        the proposal is written, and another one takes its place.
        """
        index = trial.number
        with self._asking:
            while True:
                known = study.get_trials(deepcopy=False)
                task = self._task(study, parameters)
                observations = Observations.of(study, task, trial.number)
                made = self._proposals(study, known, task, observations, index, 1)
                for proposal in made or self._repeated(parameters, index):
                    proposal.settle(study, known[trial.number])
                if not made or self._is_free(study, trial, made[0], parameters):
                    return
                index = next_index(study.get_trials(deepcopy=False))

    def _offer(self, study: Study, waiting: Sequence[FrozenTrial], parameters: Parameters) -> None:
        """Offer a proposal to each waiting trial, the first one's last.

        Where nothing is left to be tried, a trial is released.
        """
        known = study.get_trials(deepcopy=False)
        task = self._task(study, parameters)
        observations = Observations.of(study, task, waiting[0].number)
        # So no index is above its trial's number, and an enqueued trial's own number is free.
        index = next_index(known[: waiting[0].number])
        made = self._proposals(study, known, task, observations, index, len(waiting))
        for trial in waiting[len(made) :]:
            trials.release(study, trial, SURPLUS)
        for trial, proposal in reversed(list(zip(waiting, made, strict=False))):
            proposal.offer(study, trial)

    def _proposals(
        self,
        study: Study,
        known: Sequence[FrozenTrial],
        task: Task,
        observations: Observations,
        index: int,
        n: int,
    ) -> list[Proposal]:
        """At most ``n`` proposals, new ones from ``index`` on; fewer where nothing is left.

        What was given up unmeasured comes first.
        """
        again = given_up(known, reopened_below(study, known))
        made: list[Proposal] = []
        while len(made) < n:
            before, point = self._next_given_up(again, observations, task.parameters)
            if before is not None:
                made.append(before)
                if point is not None:
                    observations = observations.with_pending(point)
                continue
            if self.space is None and not task.parameters.distributions:
                break
            missing = n - len(made)
            ready = self._queue.take(observations, task.parameters, missing)
            found = ready or self._recommended(task, observations, index, missing)
            if not found:
                break
            for each in found:
                made.append(Proposal(index, each.point.params, each.prediction))
                observations = observations.with_pending(each.point)
                index += 1
        return made

    def _is_free(
        self, study: Study, own: FrozenTrial, proposal: Proposal, parameters: Parameters
    ) -> bool:
        """Whether no other settled trial has the proposal's index or network."""
        return not self._settled.has(study, own, proposal, self.space, parameters)

    def _repeated(self, parameters: Parameters, index: int) -> list[Proposal]:
        """A proposal that was made before, where there are no others."""
        if self.space is None and not parameters.distributions:
            return []
        point = self._proposer.repeat(parameters, self.seed, index)
        return [Proposal(index, point.params, None)]

    def _task(self, study: Study, parameters: Parameters) -> Task:
        return Task.of(study, self.space, parameters, self._reference_point)

    def _recommended(
        self, task: Task, observations: Observations, index: int, n: int
    ) -> list[Recommendation]:
        """Return at most ``n`` new proposals, from ``index`` on; empty if all were made."""
        began = time.perf_counter()
        found = self._proposer.propose(task, observations, self.seed, index, n)
        self._queue.seconds = time.perf_counter() - began
        return found

    def _next_given_up(
        self, again: list[Proposal], observations: Observations, parameters: Parameters
    ) -> tuple[Proposal | None, Point | None]:
        """Takes the first proposal that is still worth an evaluation."""
        while again:
            proposal = again.pop(0)
            if self.space and objection(proposal.params, self.space, parameters.distributions):
                continue
            point = point_at(proposal.params, self.space, parameters)
            if point is None or point.key not in observations.excluded:
                return proposal, point
        return None, None


def _chosen_encoders(
    given: str | Encoder | Sequence[str | Encoder] | None,
    default: tuple[str, ...],
    needed: tuple[str, ...],
) -> Sequence[str | Encoder]:
    """The encoders to use, with their names checked (they are built when first needed)."""
    if given is None:
        return default
    chosen = [given] if isinstance(given, (str, Encoder)) else list(given)
    for item in chosen:
        check_encoder(item)
    names = {item if isinstance(item, str) else item.name for item in chosen}
    if "gnn" in needed and "gnn" not in names:
        raise InvalidArgument(
            f"this surrogate reads the block 'gnn', the encoders give {sorted(names)}; "
            "add the encoder 'gnn', or choose surrogate='gp'"
        )
    return chosen


def _chosen_acquisition(given: str | Acquisition) -> Acquisition:
    if not isinstance(given, str):
        return given
    if given not in ACQUISITIONS:
        raise unknown("acquisition", given, ACQUISITIONS)
    return ACQUISITIONS[given]


def _checked_point(given: Sequence[float] | None) -> Sequence[float] | None:
    if given is not None and not np.isfinite(np.asarray(given, dtype=np.float64)).all():
        raise InvalidArgument(f"reference_point must hold finite numbers, got {given!r}")
    return given


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
