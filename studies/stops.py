"""Where a stopping rule ended an evaluation, as its trial stores it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from bonas.arguments import is_count
from bonas.evaluation.curve import partial_values
from bonas.studies.outcomes import is_stopped_early, share_of
from bonas.studies.records import STOPPED_EARLY


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why a stopping rule ended an evaluation.

    Attributes:
        reason: Why, in words.
        step: The step of the latest measurement, such as the epoch; None if unknown.
        fidelity: The share of the whole evaluation that was spent, in (0, 1].
        values: What was measured by then: final values by their objectives' names.
    """

    reason: str
    step: int | None
    fidelity: float
    values: Mapping[str, float]


def stop_of(trial: FrozenTrial, names: Sequence[str]) -> Stop | None:
    """Return where a rule stopped a trial; None if none did.

    Args:
        trial: A trial of any state.
        names: The objectives, in the order of a trial's values.
    """
    if not is_stopped_early(trial):
        return None
    stored = STOPPED_EARLY.read(trial) or {}
    values = zip(names, partial_values(trial, names), strict=True)
    known = {name: value for name, value in values if not math.isnan(value)}
    step, reason = stored.get("step"), str(stored.get("reason", ""))
    return Stop(reason, step if is_count(step) else None, share_of(trial), known)
