"""Measuring first: which evaluators are asked before a network to train is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna import Study

from bonas.evaluation import Evaluator, Stages
from bonas.evaluation.declared import declared_objectives
from bonas.studies.proposing.cheap_objectives import CheapObjectives
from bonas.studies.proposing.task import Task

SHARE = 0.1
"""The share of the wall time that objectives and scores of networks without a trial may take."""


class MeasureFirst:
    """Cheap evaluators, and how long they may take.

    Args:
        evaluators: Each declares its objectives and its ``cost``; none switches it off.
        share: Of the wall time that they may take; None sets no bound.
    """

    def __init__(
        self, evaluators: Sequence[Evaluator] = (), share: float | None = SHARE / 2
    ) -> None:
        self.evaluators, self.share = tuple(evaluators), share
        self._latest: CheapObjectives | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_latest": None}  # what was read of a study belongs to a process

    @classmethod
    def of(cls, evaluate: object, share: float | None = SHARE / 2) -> MeasureFirst:
        """Return the cheap evaluators of ``Stages``; none if nothing else is left to measure."""
        cheap = evaluate.cheap if isinstance(evaluate, Stages) else ()
        is_part = isinstance(evaluate, Stages) and len(cheap) < len(evaluate.evaluators)
        return cls(cheap if is_part else (), share)

    def objectives(self, study: Study, task: Task) -> CheapObjectives | None:
        """Return the cheap objectives of a task; None if it has none, or no others.

        Also None where networks have numbers of their own: these may change what is measured.
        """
        if not self.evaluators or task.space is None or task.space.numeric:
            return None
        names = {goal.name for each in self.evaluators for goal in declared_objectives(each)}
        known = names & {goal.name for goal in task.objectives}
        if not known or len(known) == len(task.objectives):
            return None
        if self._latest is None or not self._latest.is_of(study, task.objectives):
            self._latest = CheapObjectives(
                study, task.space, task.objectives, self.evaluators, self.share
            )
        return self._latest
