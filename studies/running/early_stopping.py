"""Early stopping: one evaluation under a stopping rule.

A rule is an adviser. If it raises, the evaluation goes on and the error is logged once; if it never
finds anything to look at, that is logged once, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from functools import lru_cache

from optuna import Study
from optuna.exceptions import TrialPruned
from optuna.trial import TrialState

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.curve import curve_names, measurements_of
from bonas.evaluation.evaluator import Evaluator, recorded
from bonas.evaluation.record import Record
from bonas.studies.stopping.constrained import Sparing
from bonas.studies.stopping.rule import Decision, StoppingRule
from bonas.studies.stopping.rung_rule import RungRule

_logger = logging.getLogger(__name__)


class StoppedEarly(TrialPruned):
    """The end of an evaluation that a rule has stopped.

    Attributes:
        decision: What the rule decided.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


class EarlyStopping:
    """Asks a rule after each measurement of one evaluation.

    Args:
        rule: None stops nothing.
        study: With the candidate's trial, which is running.
        candidate: Which is evaluated.
        record: What was measured of it so far.
    """

    def __init__(
        self, rule: StoppingRule | None, study: Study, candidate: Candidate, record: Record
    ) -> None:
        self._rule, self._study, self._record = rule, study, record
        self.candidate = replace(candidate, rungs=tuple(rungs_of(rule)))
        self._has_looked = False
        self._sparing = Sparing(study)

    def measured(
        self,
        evaluate: Evaluator,
        note: Callable[[Decision | None], object],
        check: Callable[[], object] = lambda: None,
    ) -> dict[str, float]:
        """Run the evaluation to its end, or until the rule stops it; return what it measured.

        Args:
            evaluate: Measures the candidate.
            note: Called after each measurement with what the rule decides.
            check: Called before; what it raises ends the evaluation.

        Raises:
            StoppedEarly: if it was stopped before all objectives were measured.
            EvaluationFailed: as ``recorded`` does.
        """
        with closing(recorded(evaluate, self.candidate, self._record)) as stream:
            for _ in stream:
                check()
                decision = self.decision()
                note(decision)
                if decision is None or not decision.stops:
                    continue
                if self._record.is_complete:
                    break
                raise StoppedEarly(decision)
        self.end()
        return self._record.result()

    def decision(self) -> Decision | None:
        """Return what is decided after the latest measurement; None for nothing.

        A violated constraint comes before the rule.
        """
        spared = self._sparing(self._study, self.candidate, self._record)
        if spared is not None or self._rule is None:
            return spared
        try:
            said = self._rule(self._study, self.candidate, self._record)
        except Exception as error:
            _log_raised(_name(self._rule), repr(error))
            _logger.debug("a stopping rule raised", exc_info=error)
            return None
        if said is None:
            return None
        self._has_looked = True
        return self._complete(said)

    def end(self) -> None:
        """Log if the rule never had anything to look at, in an evaluation that has ended."""
        if not self._has_looked and isinstance(self._rule, RungRule):
            _log_blind(_name(self._rule), self._why_blind())

    def _complete(self, said: Decision | str) -> Decision:
        """Return the decision with the name of the rule, and how much had been spent."""
        last = next((m for m in reversed(self._record.measurements) if m.step is not None), None)
        step, share = (None, None) if last is None else (last.step, last.fidelity)
        assert self._rule is not None
        if not isinstance(said, Decision):
            said = Decision(True, str(said))
        step = step if said.step is None else said.step
        share = share if said.fidelity is None else said.fidelity
        if share is None and step and said.stops:
            share = min(1.0, step / max(step, _longest(self._study)))
        return replace(said, rule=said.rule or _name(self._rule), step=step, fidelity=share)

    def _why_blind(self) -> str:
        names, curves = self._record.names, curve_names(self._record.measurements)
        if not curves:
            return (
                "the evaluation yielded no learning curve; let it be a generator that yields "
                f'Measurement({{"{names[0]}": value}}, step=epoch, fidelity=epoch / epochs)'
            )
        return (
            f"at no rung was there a value of each of {list(names)}; the curves are {curves}. "
            "Yield what is cheap before the training, as a measurement without a step (or list its "
            "evaluator first), and the "
            "points of curves under the objectives' names, with their fidelity (for rungs that "
            "are shares)"
        )


def rungs_of(rule: StoppingRule | None) -> Iterable[float]:
    """Return where a rule looks at evaluations; empty where that is not known."""
    return rule.rungs if isinstance(rule, RungRule) else ()


def _longest(study: Study) -> int:
    """Return the last step of the longest evaluation that ran to its end; 0 if none did."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return max((m.step or 0 for trial in complete for m in measurements_of(trial)), default=0)


def _name(rule: StoppingRule) -> str:
    found: object = getattr(rule, "name", None) or getattr(rule, "__name__", None)
    return found if isinstance(found, str) else type(rule).__name__


@lru_cache(maxsize=100)
def _log_raised(rule: str, error: str) -> None:
    _logger.warning("the stopping rule %s raised %s; the evaluation goes on", rule, error)


@lru_cache(maxsize=100)
def _log_blind(rule: str, why: str) -> None:
    _logger.warning("the stopping rule %s stopped nothing: %s", rule, why)
