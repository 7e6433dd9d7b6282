"""The result of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from bonas.dataframe import trials_frame
from bonas.errors import EvaluationFailed, unknown
from bonas.evaluation import Candidate, Evaluator, Lineage, Objective
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.curve import measurements_of
from bonas.plots.curves import curves_figure
from bonas.plots.failure_table import Failures
from bonas.plots.front import front_figure
from bonas.plots.front_table import front_note, front_table
from bonas.report.notebook import result_html
from bonas.report.report import Report
from bonas.report.searched import Searched
from bonas.spaces import Space
from bonas.studies.architecture_measurements import (
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)
from bonas.studies.budget import Budget, budget_of
from bonas.studies.constraints import Feasibility, constraints_of
from bonas.studies.outcomes import evaluated, failures, reopened_below
from bonas.studies.predictions import Prediction, prediction_of
from bonas.studies.proposing.front import finished, front_of
from bonas.studies.proposing.scoring import Scored, scored
from bonas.studies.records import PROPOSED_BY
from bonas.studies.stops import Stop, stop_of

__all__ = ["Prediction", "SearchResult", "Stop"]


@dataclass(frozen=True)
class SearchResult:
    """The result of a search, read from its study at each access.

    Attributes:
        study: The ``optuna.Study``, with all measurements.
        space: The search space.
        objectives: The objectives, in the order of the trials' values.
        evaluate: What evaluated the candidates, as ``bonas.finalize`` reads it; None if unknown.
    """

    study: optuna.Study
    space: Space
    objectives: Sequence[Objective]
    evaluate: Evaluator | None = field(default=None, repr=False, compare=False)

    @property
    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, in the order of their trials."""
        return [self._candidate(trial) for trial in finished(self.study, self.space)]

    @property
    def front(self) -> list[Candidate]:
        """The candidates that no other dominates, sorted by the first objective, best first.

        With one objective: the best candidate, or several of the same value. Only candidates that
        keep the constraints; none if none does, see ``best``.
        """
        return [self._candidate(trial) for trial in self._front_trials()]

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints of the search, by its latest call."""
        return constraints_of(self.study)

    @property
    def violations(self) -> dict[int, dict[str, float]]:
        """By how much each infeasible candidate violates constraints, by its trial's number.

        In the units of the measurements; NaN where one was not measured.
        """
        feasibility = Feasibility(self.study, self.space)
        found = {t.number: feasibility.violations(t) for t in finished(self.study, self.space)}
        return {number: each for number, each in found.items() if each}

    @property
    def failures(self) -> Failures:
        """The candidates whose latest evaluation failed: a mapping from number to traceback.

        Printed, it is a table of what failed how, where and why; ``failures.details`` has the same
        as ``Failure`` objects with ``kind``, ``phase``, ``text`` and ``signal``.
        """
        return Failures.of(failures(self.study.get_trials(deepcopy=False)))

    @property
    def pruned(self) -> list[int]:
        """The numbers of the pruned trials: by ``optuna.TrialPruned``, or by a stopping rule."""
        states = (TrialState.PRUNED,)
        return [trial.number for trial in self.study.get_trials(deepcopy=False, states=states)]

    @property
    def stopped(self) -> dict[int, Stop]:
        """What a stopping rule ended early, by the trials' numbers."""
        names = [objective.name for objective in self.objectives]
        found = {t.number: stop_of(t, names) for t in self.study.get_trials(deepcopy=False)}
        return {number: stop for number, stop in found.items() if stop is not None}

    @property
    def scored(self) -> Scored:
        """Of how many networks zero-cost scores were computed, and what that cost.

        No networks where scores are free, as those of a table, or the search was too short.
        """
        return scored(self.study, self.space)

    @property
    def measured(self) -> list[ArchitectureMeasurement]:
        """What was measured of architectures before one was chosen: their objectives, no scores.

        Each has ``choices``, ``values`` (a name -> a number; NaN where the measurement failed) and
        ``seconds``. Few of these architectures became trials.
        """
        known = ArchitectureMeasurements(self.study, self.space)
        known.refresh()
        names = {objective.name for objective in self.objectives}
        return [measurement for measurement in known.all if names & measurement.values.keys()]

    @property
    def missing(self) -> int:
        """Remaining full evaluations of the budget; 0 after a complete search.

        Some remain after an interrupted search, and if the space has no more architectures. Of a
        budget of time: how many fit, by the mean time of those so far.
        """
        known = self.study.get_trials(deepcopy=False)
        return budget_of(self.study).left(known, reopened_below(self.study, known))

    @property
    def predictions(self) -> dict[int, Prediction]:
        """The surrogate's prediction for each trial before its evaluation, by the trial's number.

        Random proposals have no prediction.
        """
        names = [objective.name for objective in self.objectives]
        found = {t.number: prediction_of(t, names) for t in self.study.get_trials(deepcopy=False)}
        return {number: each for number, each in found.items() if each is not None}

    @property
    def proposed_by(self) -> dict[int, str]:
        """The source of candidates that a trial came from, by the trial's number.

        Of the trials of ``optimize(candidates=...)`` alone: all others were proposed by the search.
        """
        found = {t.number: PROPOSED_BY.read(t) for t in self.study.get_trials(deepcopy=False)}
        return {number: source for number, source in found.items() if source}

    @property
    def lineages(self) -> dict[int, Lineage]:
        """Which trained network each finished candidate started from, by its trial's number.

        Empty unless the training inherits weights (``ShortTraining(inherit=True)``).
        """
        found = {trial.number: Lineage.of(trial) for trial in finished(self.study, self.space)}
        return {number: lineage for number, lineage in found.items() if lineage is not None}

    def best(self, objective: str | None = None) -> Candidate:
        """Return the candidate with the best value of an objective; default: the first objective.

        Of those that keep the constraints. If none does: the one that violates them least, by the
        sum of its violations relative to the bounds; ``violations`` tells.

        Raises:
            InvalidArgument: if there is no such objective.
            EvaluationFailed: if no evaluation succeeded.
        """
        names = [o.name for o in self.objectives]
        name = names[0] if objective is None else objective
        if name not in names:
            raise unknown("objective", name, names)
        candidates = self.front or [self._candidate(t) for t in self._least_violated()]
        if not candidates:
            raise EvaluationFailed("no candidate was evaluated yet; see result.failures")
        choose = max if self._maximized(names.index(name)) else min
        return choose(candidates, key=lambda candidate: candidate.values[name])

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Plot the front among all candidates; return the figure, and save it to ``path`` if given.

        Candidates that violate constraints are hollow and grey. An axis is logarithmic where the
        values are positive and span over two decades.

        One objective: the best value after each evaluation. Three or more: one panel per pair.
        """
        hollow = self._infeasible()
        figure = front_figure(self.objectives, self.candidates, self.front, hollow)
        if path is not None:
            figure.savefig(path)
        return figure

    def plot_curves(
        self, path: str | PathLike[str] | None = None, names: Sequence[str] | None = None
    ) -> Figure:
        """Plot the learning curves of all trials; return the figure, saved to ``path`` if given.

        One panel per curve; the front's are on top, those of failed and pruned trials dashed.

        Args:
            path: File of the figure.
            names: Of the curves, such as ``"train_loss"``; by default those of the objectives.

        Raises:
            InvalidArgument: if no trial has a curve of one of the names.
        """
        ended = (TrialState.FAIL, TrialState.PRUNED)
        trials = self.study.get_trials(deepcopy=False, states=ended)
        cut_off = [Candidate.of(self.space, trial) for trial in trials if measurements_of(trial)]
        figure = curves_figure(self.objectives, self.candidates, self.front, cut_off, names)
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, path: str | PathLike[str] = "report.html") -> Path:
        """Write the report of the search to one HTML file that needs no other; return its path.

        It has the front, the networks drawn, learning curves, what the surrogate predicted,
        failures, and how to go on. It can be written while the search runs.

        Raises:
            InvalidArgument: if the file cannot be written.
        """
        return Report.of(self.study, self.space, self.objectives).save(path)

    def dataframe(self) -> Any:
        """Return all trials as a ``pandas.DataFrame``: one row each, failed and pruned ones, too.

        Columns: ``number``, ``state``, the objectives, the parameters, all else that was measured
        or noted, and ``failure``, the last line of a failed evaluation's traceback.

        Raises:
            MissingPackage: if pandas is not installed.
        """
        return trials_frame(self.objectives, self.study.get_trials(deepcopy=False))

    def headline(self) -> str:
        """Return one line with the size of the front and the best value of each objective."""
        if not self:
            return ""
        if note := front_note(self.study, self.space):
            return note
        bests = [
            f"{self.best(o.name).values[o.name]:.4g} {o.unit}".rstrip() for o in self.objectives
        ]
        return f"front {len(self.front)}, best " + " / ".join(bests)

    def __bool__(self) -> bool:
        """Return True if at least one trial completed."""
        return bool(finished(self.study, self.space))

    def __str__(self) -> str:
        shown = self._front_trials() or self._least_violated()
        table = front_table(self.objectives, shown)
        return "\n".join(line for line in [table, *self._notes()] if line)

    def _notes(self) -> list[str]:
        """Return what is to be said below the front, in one line each."""
        stopped, measured, notes = self.stopped, self.measured, []
        if self.missing:
            notes.append(self._progress())
        if failed := self.failures:
            notes.append(failed.note())
        if pruned := len(self.pruned) - len(stopped):
            notes.append(f"{pruned} pruned")
        if stopped:
            saved = sum(1 - stop.fidelity for stop in stopped.values())
            notes.append(f"{len(stopped)} stopped early, which saved {saved:.3g} full evaluations")
        if measured:
            seconds = sum(each.seconds for each in measured)
            notes.append(
                f"{len(measured)} networks measured before one was chosen, {seconds:.3g} s"
            )
        return [note for note in (front_note(self.study, self.space), ", ".join(notes)) if note]

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return result_html(Searched.of(self.study, self.space, self.objectives), self._notes())

    def _progress(self) -> str:
        """Return how much of the budget is spent."""
        budget, known = budget_of(self.study), self.study.get_trials(deepcopy=False)
        spent = budget.spent(known, reopened_below(self.study, known))
        if budget.unit == "seconds":
            return f"{evaluated(self.study)} evaluated in {Budget(spent, 'seconds')} of {budget}"
        return f"{spent:.4g} of {budget} evaluated"

    def _front_trials(self) -> list[FrozenTrial]:
        best = front_of(self.study, self.space)
        return sorted(best, key=lambda trial: trial.values[0], reverse=self._maximized(0))

    def _least_violated(self) -> list[FrozenTrial]:
        """Return the trial that violates the constraints least, alone; empty if there is none."""
        feasibility = Feasibility(self.study, self.space)
        least = feasibility.least_violated(finished(self.study, self.space))
        return [] if least is None or not feasibility.constraints else [least]

    def _infeasible(self) -> list[int]:
        """Return the positions of the candidates that violate a constraint."""
        feasibility, trials = Feasibility(self.study, self.space), finished(self.study, self.space)
        return [row for row, trial in enumerate(trials) if not feasibility.is_feasible(trial)]

    def _maximized(self, objective: int) -> bool:
        return self.objectives[objective].direction == "maximize"

    def _candidate(self, trial: FrozenTrial) -> Candidate:
        values = {o.name: v for o, v in zip(self.objectives, trial.values, strict=True)}
        units = {objective.name: objective.unit for objective in self.objectives}
        return replace(Candidate.of(self.space, trial, values), units=units)
