"""A search: what is possible, how one is measured, and what decides what to try next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, Literal

from bonas.arguments import is_number
from bonas.encoders import Encoder
from bonas.errors import InvalidArgument
from bonas.evaluation import (
    Direction,
    Evaluator,
    Objective,
    Stages,
    as_objectives,
    default_evaluation,
)
from bonas.evaluation.constraint import (
    Constraint,
    Constraints,
    as_constraints,
    checked_names,
)
from bonas.evaluation.declared import (
    check_spelling,
    declared_cost,
    declared_description,
    declared_objectives,
)
from bonas.evaluation.isolation.isolated import Isolated, check_limits
from bonas.evaluation.score_source import ScoreSource, checked_source
from bonas.spaces import Space
from bonas.studies.artifacts import check_folder
from bonas.studies.proposing.acquisition import Acquisition
from bonas.studies.proposing.assembly import make_proposer, score_source
from bonas.studies.proposing.candidate_source import Candidates, checked_candidates
from bonas.studies.proposing.measure_first import SHARE, MeasureFirst
from bonas.studies.proposing.proposer import Proposer
from bonas.studies.references import imported
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.stopping.named import as_rule
from bonas.studies.stopping.rule import StoppingRule
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate


@dataclass(frozen=True)
class Search:
    """All that ``bonas.optimize`` needs, except the storage of the study and the budget.

    A worker on another machine imports one: ``bonas worker ... my_module:search``.

    Args:
        space: The architectures.
        evaluate: A function of a ``Candidate`` that returns a name -> a number or yields
            measurements, or several, which become ``Stages``; None is the default evaluation of the
            space.
        objectives: A name -> ``"maximize"`` or ``"minimize"``; may be left out with evaluators of
            bonas, which know theirs.
        surrogate: A name or a ``Surrogate``, as ``ArchitectureSampler`` takes it.
        encoder: What the surrogate reads; by default what suits it.
        source_tasks: Measurements of other tasks or devices.
        stopping: Which evaluations end early, as pruned trials: ``"default"`` (or True),
            ``"halving"``, ``"forecast"``, ``"median"``, or a ``StoppingRule``, which decides after
            each measurement. None lets all run to their end.
        zero_cost: Whether proposals read zero-cost scores, as ``ArchitectureSampler`` takes it;
            with True those that the evaluation declares go first.
        measure_first: Whether evaluators that declare a small ``cost`` next to others are asked of
            the best candidates before one of these is chosen; a number is the share of the wall
            time that measurements of networks without a trial may take at most. True: a tenth.
        constraints: A measurement's name -> its bounds in its unit, such as ``"<= 5"``, or
            ``Constraint`` objects.
        isolation: ``"process"`` evaluates each candidate in a process of its own; ``"auto"`` once
            the evaluation of one network has ended two processes, or if there is a limit; None
            never.
        time_limit: Seconds that an evaluation may take.
        memory_limit: Bytes of memory that the process of an evaluation may have.
        candidates: Networks that something else considers good: a list of choices, or a
            ``CandidateSource``, as ``ArchitectureSampler`` takes it.
        artifacts: Folder that gets a drawing of each network while it is evaluated, for Optuna's
            dashboard; its trial gets a note.

    Raises:
        InvalidArgument: for a space or an evaluation that cannot work.
    """

    space: Space
    evaluate: Evaluator | Sequence[Evaluator] | None = None
    objectives: Mapping[str, Direction] | Sequence[Objective] | None = None
    surrogate: str | Surrogate = "mixture"
    encoder: str | Encoder | Sequence[str | Encoder] | None = None
    source_tasks: Sequence[SourceTask] = ()
    stopping: str | bool | StoppingRule | None = None
    zero_cost: bool | ScoreSource = True
    measure_first: bool | float = True
    constraints: Constraints | None = None
    isolation: Literal["auto", "process"] | None = "auto"
    time_limit: float | None = None
    memory_limit: float | None = None
    candidates: Candidates | None = None
    artifacts: str | PathLike[str] | None = None

    @classmethod
    def named(cls, reference: str) -> Search:
        """Import the search ``module:name``: an object, or a function that makes one.

        Modules of the working directory are found, too.

        Raises:
            InvalidArgument: if there is none.
        """
        found = imported(reference, "a bonas.Search")
        made: object = found() if callable(found) else found
        if not isinstance(made, cls):
            raise InvalidArgument(f"{reference} must be or make a bonas.Search, got {made!r}")
        return made

    def __post_init__(self) -> None:
        if not isinstance(self.space, Space):
            raise InvalidArgument(
                f"space must be an object of a bonas.Space, got {self.space!r}; "
                "as in bonas.optimize(bonas.spaces.NASBench201(channels=8, cells=1), 30)"
            )
        given = self.evaluate
        if not (given is None or callable(given) or isinstance(given, Sequence)):
            raise InvalidArgument(
                "evaluate must be a function of a candidate that returns a name -> a number, or a "
                f"list of such functions; got {given!r}"
            )
        as_rule(self.stopping)
        as_constraints(self.constraints)
        self._check_isolation()
        if not isinstance(self.zero_cost, bool):
            checked_source(self.zero_cost)
        checked_candidates(self.candidates)
        check_folder(self.artifacts)
        first: object = self.measure_first
        if not (isinstance(first, bool) or (is_number(first) and 0 <= first <= 1)):
            raise InvalidArgument(
                "measure_first must be True, False, or the share of the wall time that "
                f"measurements may take, a number in [0, 1], got {first!r}"
            )
        for one in given if isinstance(given, Sequence) else [given]:
            check_spelling(one)

    def _check_isolation(self) -> None:
        check_limits(self.time_limit, self.memory_limit)
        given: object = self.isolation
        if given not in ("auto", "process", None):
            raise InvalidArgument(
                f'isolation must be "auto", "process" or None, got {given!r}; "process" evaluates '
                "each candidate in a process of its own"
            )
        if given is None and (self.time_limit is not None or self.memory_limit is not None):
            raise InvalidArgument(
                "time_limit and memory_limit need a process for each evaluation, got "
                'isolation=None; take isolation="process", or no limit'
            )

    @property
    def is_isolated(self) -> bool:
        """Whether each evaluation runs in a process of its own from the start."""
        limits = self.time_limit, self.memory_limit
        return self.isolation == "process" or any(limit is not None for limit in limits)

    def isolated(self, evaluate: Evaluator) -> Isolated:
        """Return an evaluator, or a part of it, in processes of its own under the limits."""
        return Isolated(evaluate, time_limit=self.time_limit, memory_limit=self.memory_limit)

    @cached_property
    def evaluator(self) -> Evaluator:
        """The evaluator; several become ``Stages``, None the default of the space.

        Raises:
            MissingBuilder: if there is none and the space does not build networks.
        """
        if self.evaluate is None:
            if type(self.space).build is Space.build:
                self.space.build({})  # raises MissingBuilder
            return default_evaluation(self.space)
        return Stages(self.evaluate) if isinstance(self.evaluate, Sequence) else self.evaluate

    @cached_property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives, in the order of the trials' values.

        Raises:
            InvalidArgument: if neither the caller nor the evaluation says so.
        """
        known = declared_objectives(self.evaluator)
        if self.objectives is None and not known:
            raise InvalidArgument(
                "this evaluate does not say what its objectives are; pass "
                'objectives={"accuracy": "maximize", "latency": "minimize"}, with its own names'
            )
        return as_objectives(known if self.objectives is None else self.objectives)

    @cached_property
    def limits(self) -> tuple[Constraint, ...]:
        """The constraints.

        Raises:
            InvalidArgument: if one has the name of nothing that is measured, as far as that is
                known before an evaluation.
        """
        return checked_names(as_constraints(self.constraints), self.evaluator, self.goals)

    @cached_property
    def rule(self) -> StoppingRule | None:
        """The stopping rule; None if all evaluations run to their end."""
        return as_rule(self.stopping)

    def describe(self) -> dict[str, Any]:
        """Return what makes two searches the same, as JSON values."""
        return {**self.space.describe(), "evaluation": declared_description(self.evaluator)}

    def proposer(self) -> Proposer:
        """Return what turns observations into proposals for the workers."""
        return make_proposer(
            self.space,
            surrogate=self.surrogate,
            encoder=self.encoder,
            source_tasks=self.source_tasks,
            zero_cost=self._zero_cost,
            candidates=self.candidates,
        )

    def measured_first(self) -> MeasureFirst:
        """Return what is measured before a network is chosen: nothing where that is switched off.

        It has half the time; the other half is that of zero-cost scores.
        """
        if not self.measure_first:
            return MeasureFirst()
        share = SHARE if self.measure_first is True else float(self.measure_first)
        first = MeasureFirst.of(self.evaluator, share / 2)
        if not self.is_isolated:
            return first
        parts = [self.isolated(e) if declared_cost(e) > 0 else e for e in first.evaluators]
        return MeasureFirst(parts, share / 2)

    def sampler(
        self,
        seed: int | None,
        *,
        acquisition: str | Acquisition = "noisy_improvement",
        n_initial: int | None = None,
        reference_point: Sequence[float] | None = None,
    ) -> ArchitectureSampler:
        """Return the sampler of the search's study; ``ArchitectureSampler`` has the arguments."""
        return ArchitectureSampler(
            self.space,
            acquisition=acquisition,
            n_initial=n_initial,
            reference_point=reference_point,
            surrogate=self.surrogate,
            encoder=self.encoder,
            source_tasks=self.source_tasks,
            zero_cost=self._zero_cost,
            measure_first=self.measured_first(),
            candidates=self.candidates,
            seed=seed,
        )

    @cached_property
    def _zero_cost(self) -> bool | ScoreSource:
        """Where zero-cost scores come from; False if there are none."""
        return score_source(self.zero_cost, self.space, self.evaluator) or False
