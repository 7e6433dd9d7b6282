"""The progress bar of a search."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial
from tqdm.auto import tqdm

from bonas.result import SearchResult
from bonas.studies.outcomes import evaluated
from bonas.studies.sampler import ArchitectureSampler


class ProgressBar:
    """A bar over the budget that shows the front; used as a callback of the search.

    Args:
        result: The result of the study.
        budget: The length of the bar, in evaluations.
        visible: False draws nothing.
    """

    def __init__(self, result: SearchResult, budget: int, visible: bool) -> None:
        self.result, self.budget = result, budget
        done = min(evaluated(result.study), budget)
        self._bar = tqdm(total=budget, initial=done, disable=not visible, unit="network")

    def close(self) -> None:
        """End the line of the bar."""
        self._bar.close()

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Advance the bar to what ``study`` has evaluated."""
        self._bar.update(min(self.budget, evaluated(study)) - self._bar.n)
        if not self._bar.disable:
            waits = isinstance(study.sampler, ArchitectureSampler) and study.sampler.waits(
                evaluated(study)
            )
            doing = ", reading the space for the first model" if waits else ""
            self._bar.set_postfix_str(self.result.headline() + doing)
