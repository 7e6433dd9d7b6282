"""Stopping rules: what decides during an evaluation whether its candidate is worth the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from optuna import Study

from bonas.arguments import is_count, is_number
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.record import Record


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule decided, as the trial stores it with its curves.

    Attributes:
        stops: Whether the evaluation ends.
        reason: Why, in words.
        rule: The name of the rule.
        rung: Where it looked: a share of the whole evaluation, or a step; None for a rule without
            rungs.
        step: The step of the latest measurement then.
        fidelity: The share of the whole evaluation that had been spent; None if unknown.
        unstopped: Whether the rule would have stopped the evaluation, which goes on as one of the
            sample that shows what is lost by stopping.
        compared: What the decision was made from, as JSON values.
    """

    stops: bool
    reason: str
    rule: str = ""
    rung: float | None = None
    step: int | None = None
    fidelity: float | None = None
    unstopped: bool = False
    compared: Mapping[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return the decision as a JSON object, without what is unknown."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["compared"] = dict(self.compared)
        return {name: value for name, value in found.items() if value not in (None, "", {})}

    @classmethod
    def parsed(cls, found: Mapping[str, Any]) -> Decision | None:
        """Return the decision that a JSON object holds; None if it holds something else."""
        known = {name: found[name] for name in cls.__slots__ if name in found}
        rung, step, share = (known.get(name) for name in ("rung", "step", "fidelity"))
        compared = known.get("compared", {})
        is_one = (
            isinstance(known.get("stops"), bool)
            and isinstance(known.get("unstopped"), bool)
            and isinstance(known.get("reason"), str)
            and isinstance(known.get("rule", ""), str)
            and (rung is None or (is_number(rung) and 0 < rung < math.inf))
            and (step is None or is_count(step))
            and (share is None or (is_number(share) and 0 < share <= 1))
            and isinstance(compared, dict)
        )
        return cls(**known) if is_one else None


class StoppingRule(Protocol):
    """Anything that looks at an evaluation after each of its measurements.

    It is called in the process that evaluates, under torch's settings as the program has them.
    """

    def __call__(
        self, study: Study, candidate: Candidate, record: Record, /
    ) -> Decision | str | None:
        """Return a decision, or why the evaluation is to stop; None if there is nothing to say.

        A decision is stored with the curves, whether it stops the evaluation or not.

        Args:
            study: With all trials; that of the candidate is running.
            candidate: Which is being evaluated.
            record: What was measured of it so far.
        """
        ...
