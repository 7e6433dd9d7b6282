"""The progress bar of a search."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial
from tqdm.auto import tqdm

from bonas.result import SearchResult
from bonas.studies.budget import Budget
from bonas.studies.outcomes import evaluated, is_stopped_early, reopened_below


class ProgressBar:
    """A bar over the budget that shows the front; used as a callback of the search.

    Args:
        result: The result of the study.
        budget: The length of the bar, in full evaluations or seconds.
        visible: False draws nothing.
        awaits_model: Whether the next proposal waits for the first model.
    """

    def __init__(
        self,
        result: SearchResult,
        budget: Budget,
        visible: bool,
        awaits_model: Callable[[], bool] = lambda: False,
    ) -> None:
        self.result, self.budget = result, budget
        self._awaits_model = awaits_model
        unit = "s" if budget.unit == "seconds" else "network"
        total, done = _shown(budget.amount), self._done(result.study)
        self._bar = tqdm(total=total, initial=done, disable=not visible, unit=unit)

    def close(self) -> None:
        """End the line of the bar."""
        self._bar.close()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Advance the bar to what ``study`` has evaluated."""
        if self._bar.disable:
            return
        self._bar.update(_shown(self._done(study) - self._bar.n))
        doing = ", reading the space for the first model" if self._awaits_model() else ""
        self._bar.set_postfix_str(self.result.headline() + self._stopped(study) + doing)

    def _done(self, study: optuna.Study) -> float:
        """Return how much of the budget is spent."""
        known = study.get_trials(deepcopy=False)
        spent = self.budget.spent(known, reopened_below(study, known))
        return _shown(min(self.budget.amount, spent))

    @staticmethod
    def _stopped(study: optuna.Study) -> str:
        """Return how many of the evaluations a rule has stopped; empty if none."""
        n = sum(map(is_stopped_early, study.get_trials(deepcopy=False)))
        return f", {n} of {evaluated(study)} stopped early" if n else ""


def _shown(amount: float) -> float:
    """Return a number for the bar: whole, or with one decimal."""
    rounded = round(amount, 1)
    return int(rounded) if rounded == int(rounded) else rounded
