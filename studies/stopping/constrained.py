"""Sparing: an evaluation whose cheap measurements violate a constraint is not trained.

It ends as a pruned trial, its measurements are kept, and a budget of evaluations counts a tenth:
what comes before a training takes at most a tenth of its time (``Stages``). A budget of time counts
what it took. So a search with bounds that no network keeps ends, too.

The first trainings are not spared, since without any the surrogate of the others' objectives would
know nothing; nor is one that violates less than all before it, as long as no feasible network is
known: it may be the answer.
"""

from __future__ import annotations

import math

from optuna import Study

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.record import Record
from bonas.studies.constraints import Feasibility
from bonas.studies.proposing.front import finished
from bonas.studies.proposing.limits import RULE
from bonas.studies.stopping.rule import Decision

SHARE = 0.1
"""Of a full evaluation, which a budget counts for one without its training."""
_TRAINED = 5  # networks, before one is spared


class Sparing:
    """A stopping rule that ends what violates the constraints of a study for certain.

    Args:
        study: Whose constraints are read once.
    """

    def __init__(self, study: Study) -> None:
        self._feasibility = Feasibility(study)
        self._seen = 0

    def __call__(self, study: Study, candidate: Candidate, record: Record) -> Decision | None:
        """Return the decision to end the evaluation, if what was measured by now violates a bound.

        None where nothing new was measured, or all objectives were: then nothing can be spared.
        """
        if not self._feasibility.constraints or len(record.values) == self._seen:
            return None
        self._seen = len(record.values)
        if record.is_complete:
            return None
        values = {c: record.values.get(c.name, math.nan) for c in self._feasibility.constraints}
        violated = [c for c, value in values.items() if c.violation(value) > 0]
        if not violated:
            return None
        known = finished(study, candidate.space)
        least = min(map(Feasibility(study, candidate.space).total, known), default=math.inf)
        if len(known) < _TRAINED or sum(c.relative_violation(values[c]) for c in violated) < least:
            return None
        reason = ", ".join(f"{c.name} is {values[c]:.4g}, wanted {c}" for c in violated)
        return Decision(True, reason, RULE, fidelity=SHARE)
