"""The Optuna sampler that reads architectures as graphs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from bonas.arguments import check_count
from bonas.encoders import Encoder
from bonas.evaluation.candidate import index_of
from bonas.evaluation.score_source import ScoreSource
from bonas.optuna_internals import contains, read_afresh
from bonas.settings import own_settings
from bonas.spaces import Space
from bonas.studies.outcomes import next_index
from bonas.studies.proposing.acquisition import Acquisition
from bonas.studies.proposing.assembly import check_reference_point, make_proposer
from bonas.studies.proposing.candidate_source import Candidates
from bonas.studies.proposing.independent import fit_to_bounds
from bonas.studies.proposing.measure_first import MeasureFirst
from bonas.studies.proposing.observations import Observations, choices_of
from bonas.studies.proposing.parameters import Parameters, independent_value
from bonas.studies.proposing.recommendation import Recommendation
from bonas.studies.proposing.search_space import outside_parameters
from bonas.studies.proposing.taken import Taken
from bonas.studies.proposing.task import Task
from bonas.studies.records import PROPOSAL, Proposal, proposed
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate


class ArchitectureSampler(BaseSampler):
    """Proposes architectures by Bayesian optimisation over graphs; an ordinary Optuna sampler.

    What it proposes is a function of the study's trials, ``seed`` and the trial's number: a sampler
    made afresh from the same storage proposes the same. Running trials count as pending points, an
    isomorphic network is never proposed twice, also if several processes ask at once, and the whole
    proposal is stored in the trial when it is made.

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
            up to a half, under way; by default 10, or 4 with ``source_tasks``, or 5 with one
            objective where zero-cost scores lead well. Before that,
            proposals are random (with source tasks only every second one), but with several
            objectives the first two are the smallest and the largest network, so that both ends of
            the front are seen.
        reference_point: One value per objective, in its unit, that every point worth having beats;
            by default a little worse than the worst of the first ``n_initial`` finished trials.
        source_tasks: Measurements of other tasks or devices, for a transfer prior; objectives are
            matched by the study's metric names.
        zero_cost: Whether the default encoders have zero-cost scores of networks, which also lead
            the first proposals: True computes them of a few hundred networks that the space builds,
            once evaluations take so long that this costs at most 5 % of the time; a ``ScoreSource``
            such as ``bonas.evaluation.zero_cost.ZeroCost`` does so with other settings, or looks
            them up. Naming the encoder ``zero_cost`` computes them at once.
        measure_first: Cheap evaluators, whose objectives (the study's metric names) are measured
            for the best candidates before one of them is proposed; the results are stored in the
            study. None believes the surrogate.
        candidates: Networks that something else considers good: a list of choices, or a
            ``CandidateSource`` such as a policy of ``bonas.gradient_search``. They are every second
            proposal of the initial design, and candidates of the model in spaces that are too large
            to be enumerated. They are stored in the study once.
        seed: Seed of every random number generator; None takes a fresh one.

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
        zero_cost: bool | ScoreSource = True,
        measure_first: MeasureFirst | None = None,
        candidates: Candidates | None = None,
        seed: int | None = None,
    ) -> None:
        self.space, self.measure_first = space, measure_first or MeasureFirst()
        self.seed = _fresh_seed() if seed is None else check_count("seed", seed, least=0)
        self._proposer = make_proposer(
            space,
            surrogate=surrogate,
            encoder=encoder,
            acquisition=acquisition,
            n_initial=n_initial,
            source_tasks=source_tasks,
            zero_cost=zero_cost,
            candidates=candidates,
        )
        self._reference_point = check_reference_point(reference_point)
        self._distributions = {} if space is None else space.distributions
        self._taken = Taken()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the space's parameters and numbers, and whatever every finished trial has."""
        return {**self._distributions, **outside_parameters(study, self.space)}

    @own_settings()
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return one proposal for all of ``search_space``: the trial's, or a new one."""
        if not self._distributions.keys() <= search_space.keys():
            return {}
        now = read_afresh(study, trial)
        if not self._is_settled(now):
            others = {n: d for n, d in search_space.items() if n not in self._distributions}
            self._propose(study, trial, Parameters(others))
            now = read_afresh(study, trial)
        found = proposed(now)
        return {name: found[name] for name in search_space if name in found}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value, for a parameter that no model knows yet."""
        now = read_afresh(study, trial)  # Optuna read the trial before it had an index
        known = proposed(now)
        if param_name in known and contains(param_distribution, known[param_name]):
            return known[param_name]  # it was drawn before the trial was cut off
        alone = independent_value(param_distribution, param_name, self.seed, index_of(now))
        return fit_to_bounds(self.space, now, param_name, alone, self.seed)

    def reseed_rng(self) -> None:
        """Take a fresh seed."""
        self.seed = _fresh_seed()

    def _is_settled(self, trial: FrozenTrial) -> bool:
        """Return whether the trial has a proposal, or was enqueued with a whole architecture."""
        is_whole = self.space is not None and choices_of(trial, self.space) is not None
        return is_whole or bool(PROPOSAL.read(trial))

    def _propose(self, study: Study, trial: FrozenTrial, parameters: Parameters) -> None:
        """Store a proposal in the trial.

        Threads of this process propose one after the other. What another process has proposed
        meanwhile is seen after the proposal is stored, and another one takes its place.
        """
        if self.space is None and not parameters.distributions:
            return
        index = trial.number
        with self._lock:
            while True:
                known = study.get_trials(deepcopy=False)
                task = Task.of(study, self.space, parameters, self._reference_point)
                observations = Observations.of(study, task, trial.number)
                scores = self._proposer.scoring.networks(study, self.space)
                cheap = self.measure_first.objectives(study, task)
                suggested = self._proposer.suggestions.of(study, self.space, self.seed)
                made = self._proposer.propose(
                    task, observations, self.seed, index, 1, scores, cheap, suggested
                )
                (found,) = made or [self._repeat(parameters, index)]
                proposal = Proposal(index, found.point.params, found.prediction, found.source)
                proposal.settle(study, known[trial.number])
                if not made or not self._is_taken(study, trial, proposal, parameters):
                    return
                index = next_index(study.get_trials(deepcopy=False))

    def _repeat(self, parameters: Parameters, index: int) -> Recommendation:
        """Return a point that was proposed before, since there are no others."""
        return Recommendation(self._proposer.repeat(parameters, self.seed, index))

    def _is_taken(
        self, study: Study, own: FrozenTrial, proposal: Proposal, parameters: Parameters
    ) -> bool:
        """Return whether another settled trial has the proposal's index or network."""
        return self._taken.has(study, own, proposal, self.space, parameters)


def _fresh_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
