"""What a search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from bonas.errors import EvaluationFailed, unknown
from bonas.evaluation import Candidate, Objective
from bonas.evaluation.candidate import index_of
from bonas.plots.dataframe import trials_frame
from bonas.plots.front import front_figure
from bonas.plots.front_table import front_table
from bonas.spaces import Space
from bonas.studies.proposing.front import finished, front_of
from bonas.studies.proposing.observations import PREDICTION, failure_of, stored
from bonas.studies.running.retries import failures
from bonas.studies.running.trials import budget_of, evaluated


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a surrogate expected of one trial, by the objective's name and in its unit.

    Attributes:
        mean: The expected value.
        sd: Its standard deviation, with the noise of a measurement.
        weights: How much each member of a mixture counts; empty for other surrogates.
    """

    mean: Mapping[str, float]
    sd: Mapping[str, float]
    weights: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class SearchResult:
    """The answer of a search, read from its study each time it is asked.

    Attributes:
        study: The ``optuna.Study``, with everything that was measured.
        space: The space that was searched.
        objectives: What was optimised, in the order of the trials' values.
    """

    study: optuna.Study
    space: Space
    objectives: Sequence[Objective]

    @property
    def candidates(self) -> list[Candidate]:
        """All evaluated candidates, in the order of their trials."""
        return [self._candidate(trial) for trial in finished(self.study, self.space)]

    @property
    def front(self) -> list[Candidate]:
        """The candidates that no other beats in all objectives, the first objective's best first.

        With one objective: the best candidate (several if they are equal).
        """
        return [self._candidate(trial) for trial in self._front_trials()]

    @property
    def failures(self) -> dict[int, str]:
        """A candidate's number -> the traceback of its latest evaluation, if that failed."""
        failed = failures(self.study.get_trials(deepcopy=False))
        told = {index_of(trial): failure_of(trial) for trial in failed}
        return {number: text for number, text in told.items() if text is not None}

    @property
    def pruned(self) -> list[int]:
        """The numbers of the trials that an evaluation pruned, by ``optuna.TrialPruned``."""
        states = (TrialState.PRUNED,)
        return [trial.number for trial in self.study.get_trials(deepcopy=False, states=states)]

    @property
    def missing(self) -> int:
        """How many evaluations the budget has left: 0 after a whole search.

        A search has some left that was interrupted, or whose space has no more architectures.
        """
        return max(0, budget_of(self.study) - evaluated(self.study))

    @property
    def predictions(self) -> dict[int, Prediction]:
        """A trial's number -> what the surrogate expected before it was evaluated.

        Random proposals have none.
        """
        names = [objective.name for objective in self.objectives]
        found = {}
        for trial in self.study.get_trials(deepcopy=False):
            told = stored(trial, PREDICTION)
            parts = [_by_name(names, told.get(key)) for key in ("mean", "sd", "weights")]
            if all(parts):
                found[trial.number] = Prediction(*parts)
        return found

    def best(self, objective: str | None = None) -> Candidate:
        """The candidate with the best value of one objective, by default the first.

        Raises:
            InvalidArgument: if there is no such objective.
            EvaluationFailed: if nothing was evaluated.
        """
        names = [o.name for o in self.objectives]
        name = names[0] if objective is None else objective
        if name not in names:
            raise unknown("objective", name, names)
        candidates = self.front
        if not candidates:
            raise EvaluationFailed("no candidate was evaluated yet; see result.failures")
        choose = max if self._maximized(names.index(name)) else min
        return choose(candidates, key=lambda candidate: candidate.values[name])

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """The front among everything evaluated, as a matplotlib figure, saved to ``path`` if given.

        One objective: the best value after each evaluation. Three or more: one panel a pair.
        """
        figure = front_figure(self.objectives, self.candidates, self.front)
        if path is not None:
            figure.savefig(path)
        return figure

    def dataframe(self) -> Any:
        """Return all trials as a ``pandas.DataFrame``: one row each, failed and pruned ones, too.

        Columns: ``number``, ``state``, the objectives, the parameters, all else that was measured
        or noted, and ``failure``, the last line of a failed evaluation's traceback.

        Raises:
            MissingPackage: if pandas is not installed.
        """
        return trials_frame(self.objectives, self.study.get_trials(deepcopy=False))

    def headline(self) -> str:
        """One line: the size of the front and the best value of each objective."""
        if not self:
            return ""
        bests = [
            f"{self.best(o.name).values[o.name]:.4g} {o.unit}".rstrip() for o in self.objectives
        ]
        return f"front {len(self.front)}, best " + " / ".join(bests)

    def __bool__(self) -> bool:
        """Whether anything was evaluated with success."""
        return bool(finished(self.study, self.space))

    def __str__(self) -> str:
        table = front_table(self.objectives, self._front_trials())
        done, budget = evaluated(self.study), budget_of(self.study)
        told = [f"{done} of {budget} evaluated"] if self.missing else []
        told += [f"{len(self.pruned)} pruned"] if self.pruned else []
        return "\n".join([table, ", ".join(told)] if told else [table])

    def _front_trials(self) -> list[FrozenTrial]:
        best = front_of(self.study, self.space)
        return sorted(best, key=lambda trial: trial.values[0], reverse=self._maximized(0))

    def _maximized(self, objective: int) -> bool:
        return self.objectives[objective].direction == "maximize"

    def _candidate(self, trial: FrozenTrial) -> Candidate:
        values = {o.name: v for o, v in zip(self.objectives, trial.values, strict=True)}
        return Candidate.of(self.space, trial, values)


def _by_name(names: Sequence[str], values: object) -> dict[str, Any]:
    """One value for each objective; empty where another program wrote something else."""
    if not isinstance(values, list) or len(values) != len(names):
        return {}
    return dict(zip(names, values, strict=True))
