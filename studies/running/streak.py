"""Failures in a row: when the evaluation is wrong, and not one of the networks."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.errors import EvaluationFailed, ObjectivesMissing
from bonas.evaluation.failure import Failed, Failure
from bonas.studies import outcomes
from bonas.studies.running import retries

_SAME = 5  # failures in a row
_SAME_LIMIT = 20  # of those that are the fault of one network, in a search that has measured others
_OF_A_NETWORK = ("out_of_memory", "time_limit", "crash")
_logger = logging.getLogger(__name__)


class Streak:
    """The failures of one worker since its latest success.

    Args:
        study: The worker's.
        since: The number of the call's first trial.
    """

    def __init__(self, study: optuna.Study, since: int) -> None:
        self._study, self._since = study, since
        self._kind: tuple[object, ...] = ()  # of the latest failure
        self._times = 0  # that it came in a row

    def end(self) -> None:
        """Note a success."""
        self._kind, self._times = (), 0

    def reason_to_stop(self, trial: Trial, error: Exception) -> EvaluationFailed | None:
        """Return why the search ends with the stored failure of ``trial``; None if it goes on.

        Networks that fail again as they failed before do not end a search that has measured
        others: after five of them, whatever else failed before is left as it is.
        """
        known = self._study.get_trials(deepcopy=False)
        if isinstance(error, ObjectivesMissing) and not any(self._measured(known, self._since)):
            return _caused(self._never(trial, error), error)
        again = retries.has_failed_before(known, trial) and any(self._measured(known, 0))
        kind = (again, *_kind(error))
        self._times = self._times + 1 if kind == self._kind else 1
        self._kind = kind
        if self._times < (_SAME_LIMIT if self._may_be_the_networks(known, error) else _SAME):
            return None
        if again:
            retries.close(self._study)
            _logger.warning(
                "%d architectures failed as before; the others that failed are left "
                "as they are: %s",
                self._times,
                _named(error),
            )
            self.end()
            return None
        return _caused(self._always(error), error)

    def _may_be_the_networks(self, known: Sequence[FrozenTrial], error: Exception) -> bool:
        """Return whether other networks can do what these cannot: they are too large, perhaps."""
        return Failure.of(error).kind in _OF_A_NETWORK and any(self._measured(known, 0))

    @staticmethod
    def _measured(known: Sequence[FrozenTrial], since: int) -> list[bool]:
        return [t.state == TrialState.COMPLETE and outcomes.counts(t) for t in known[since:]]

    def _always(self, failure: Exception) -> EvaluationFailed:
        return EvaluationFailed(
            f"{self._times} evaluations in a row failed with the same {_named(failure)}. "
            f"What was measured is kept in the study {self._study.study_name!r} (this error's "
            "study); fix the evaluation and call again"
        )

    def _never(self, trial: Trial, error: ObjectivesMissing) -> EvaluationFailed:
        kept = f"it measured {dict(error.values)}, which is kept as" if error.values else "see"
        return EvaluationFailed(
            f"{error}. No evaluation of this call has given the objectives, so the search ends "
            f"here: trial {trial.number} has failed; {kept} its user attributes in the study "
            f"{self._study.study_name!r} (this error's study). Correct the evaluation or the "
            "objectives' names, and call again"
        )


def _caused(error: EvaluationFailed, cause: Exception) -> EvaluationFailed:
    error.__cause__ = cause
    return error


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"


def _kind(error: Exception) -> tuple[object, ...]:
    """Identify an error by its class and the line that raised it, or what it says itself."""
    if isinstance(error, Failed):
        return error.origin
    last = traceback.extract_tb(error.__traceback__)[-1]
    return type(error), last.filename, last.lineno
