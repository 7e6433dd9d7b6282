"""The progress bar of a search."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial
from tqdm.auto import tqdm

from bonas.result import SearchResult
from bonas.studies.outcomes import evaluated


class ProgressBar:
    """A bar over the budget that shows the front; used as a callback of the search.

    Args:
        result: The result of the study.
        budget: The length of the bar, in evaluations.
        visible: False draws nothing.
        awaits_model: Whether the next proposal waits for the first model.
    """

    def __init__(
        self,
        result: SearchResult,
        budget: int,
        visible: bool,
        awaits_model: Callable[[], bool] = lambda: False,
    ) -> None:
        self.result, self.budget = result, budget
        self._awaits_model = awaits_model
        done = min(evaluated(result.study), budget)
        self._bar = tqdm(total=budget, initial=done, disable=not visible, unit="network")

    def close(self) -> None:
        """End the line of the bar."""
        self._bar.close()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Advance the bar to what ``study`` has evaluated."""
        self._bar.update(min(self.budget, evaluated(study)) - self._bar.n)
        if not self._bar.disable:
            doing = ", reading the space for the first model" if self._awaits_model() else ""
            self._bar.set_postfix_str(self.result.headline() + doing)
