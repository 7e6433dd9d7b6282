"""The combined rule: dominance as long as little is known, a model of the curves after that.

A model that is fitted to few curves is over-confident, and to wait for it costs full trainings.
Ranking by dominance needs none. Which of the two decides follows from how many trials of the study
have finished with a curve.

On 100 random cells of SpikeNAS-Bench (``bonas bench curves``, 10 sequences) it spends 38 % of the
epochs and loses 0.05 % of the hypervolume, in the worst case 0.24 %; on cells of the best 30 %, as
a good search proposes them, 33 % and 0.02 %. More careful settings, ``eta=2`` and 5 %, spend 43 %
and lose 0.01 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from optuna import Study
from optuna.trial import TrialState

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.curve import lists_of
from bonas.evaluation.record import Record
from bonas.studies.stopping.forecast import Forecast
from bonas.studies.stopping.halving import SuccessiveHalving
from bonas.studies.stopping.rung_rule import RungRule, Verdict
from bonas.studies.stopping.rungs import Rung
from bonas.surrogates.learning_curve import LEAST


def _halving() -> RungRule:
    """Return the rule for a young study, whose rungs are among those of the forecast."""
    return SuccessiveHalving(eta=3, rungs=(0.1, 0.25))


def _forecast() -> RungRule:
    """Return the rule after that, less careful than alone: it stops below 10 %."""
    return Forecast(threshold=0.1)


@dataclass(frozen=True)
class Combined(RungRule):
    """Asks one rule until so many trials have finished, and another one from then on.

    Each decides at its own rungs.

    Args:
        first: The rule for a young study.
        then: The rule after that.
        least: Finished trials with curves before the second rule decides.
        rungs: Empty for those of the two rules.
        unstopped, by_training: As ``RungRule`` takes them; those of the two rules are not read.

    Raises:
        InvalidArgument: for an argument out of its range.
    """

    first: RungRule = field(default_factory=_halving)
    then: RungRule = field(default_factory=_forecast)
    least: int = LEAST
    rungs: Sequence[float] = field(default=(), kw_only=True)
    name: ClassVar[str] = "default"

    def __post_init__(self) -> None:
        check_count("least", self.least)
        for rule in (self.first, self.then):
            if not isinstance(rule, RungRule):
                raise InvalidArgument(f"expected rules such as SuccessiveHalving(), got {rule!r}")
        if not self.rungs:
            object.__setattr__(self, "rungs", (*self.first.rungs, *self.then.rungs))
        super().__post_init__()

    def verdict(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung, rivals: Sequence[Rung]
    ) -> Verdict:
        """Return the verdict of the rule whose turn it is."""
        rule = self.then if _finished(study) >= self.least else self.first
        if rung.at not in rule.rungs:
            return Verdict(False, f"no rung of the rule {rule.name}", {"by": rule.name})
        found = rule.verdict(study, candidate, record, rung, rivals)
        return Verdict(found.stops, found.reason, {"by": rule.name, **found.compared})


def _finished(study: Study) -> int:
    """Return how many trials have run to their end and left curves."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sum(bool(lists_of(trial)) for trial in complete)
