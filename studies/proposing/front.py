"""The Pareto front of a study: the trials that no other dominates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import FrozenTrial

from bonas.evaluation.objective import oriented
from bonas.spaces import Space
from bonas.studies.constraints import Feasibility
from bonas.studies.proposing.observations import choices_of
from bonas.studies.records import directions, values_of


def finished(study: Study, space: Space | None = None) -> list[FrozenTrial]:
    """Return the complete trials with finite values, in order; with a space, only those in it."""
    known, m = study.get_trials(deepcopy=False), len(study.directions)
    measured = [trial for trial in known if values_of(trial, m) is not None]
    if space is None:
        return measured
    return [trial for trial in measured if choices_of(trial, space) is not None]


def front_of(study: Study, space: Space | None = None) -> list[FrozenTrial]:
    """Return the complete, feasible trials that no other feasible one dominates, in order."""
    feasibility = Feasibility(study, space)
    trials = [trial for trial in finished(study, space) if feasibility.is_feasible(trial)]
    Y = oriented([trial.values for trial in trials], directions(study))
    return [trials[row] for row in undominated(Y)]


def undominated(Y: npt.NDArray[np.float64]) -> Sequence[int]:
    """Return the rows of ``n x m`` oriented values that no other dominates, ascending.

    Sorted by the first objective, and by the next where it is equal, a row comes after all that
    dominate it; so each is compared with the front so far only.
    """
    front: list[int] = []
    for row in np.lexsort(-Y.T[::-1]).tolist():
        better = Y[front] >= Y[row]
        if not (better.all(1) & (Y[front] > Y[row]).any(1)).any():
            front.append(row)
    return sorted(front)
