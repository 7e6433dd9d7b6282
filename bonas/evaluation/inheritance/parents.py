"""Parents: the trained networks of a study, and which of them is nearest to a candidate.

Parents are the trials that have finished when the candidate's evaluation starts, whose weights were
kept under the same description of the training and lie on this machine. The nearest by
``graph_distance`` is taken; of equally near ones that with the better value, then the older one. A
proposal that is evaluated again has the parent that it had before.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.errors import InvalidArgument, InvalidGraph, InvalidSpace
from bonas.evaluation.candidate import Candidate, index_of
from bonas.evaluation.inheritance.distance import graph_distance
from bonas.evaluation.inheritance.lineage import Lineage, training_of
from bonas.evaluation.objective import Objective
from bonas.evaluation.weights import WEIGHTS

_warned: set[str] = set()  # folders


def parent_of(
    candidate: Candidate, training: Mapping[str, Any], objective: Objective
) -> Candidate | None:
    """Return the trained candidate that a candidate is to start from; None for a fresh start.

    Args:
        candidate: Of a trial that runs; a trial without a study has no parent.
        training: The description of its training.
        objective: Decides between equally near ones.

    Raises:
        InvalidArgument: if the study holds weights of another training.
    """
    if not isinstance(candidate.trial, Trial):
        return None
    known = candidate.trial.study.get_trials(deepcopy=False)
    chosen = _chosen_before(candidate, known)
    if chosen is not None:
        wanted = [t for t in known if t.number == chosen.parent]
        return next(iter(_at_hand(candidate, wanted)), None)
    finished = [t for t in known if t.state == TrialState.COMPLETE]
    kept = [t for t in finished if _has_weights(t)]
    for trial in kept:
        _check_training(trial, training)
    own = candidate.space.architecture(candidate.choices).graph
    better = _ranking(candidate, objective)
    found = [
        (graph_distance(own, other.space.architecture(other.choices).graph), *better(other), other)
        for other in _at_hand(candidate, kept)
    ]
    return min(found, key=lambda item: item[:-1])[-1] if found else None


def warn_of_lost(place: str, numbers: Sequence[int]) -> None:
    """Warn, once per folder and process, of weights that cannot be read."""
    if place not in _warned:
        _warned.add(place)
        warnings.warn(
            f"expected the weights of trials {list(numbers)} in {place}, got none that can be "
            "read; networks start from other parents, or fresh. Put the files back, or give all "
            "workers a keep_weights folder that they share",
            stacklevel=2,
        )


def _chosen_before(candidate: Candidate, known: Sequence[FrozenTrial]) -> Lineage | None:
    """Return the lineage of an earlier evaluation of the same proposal."""
    own = candidate.trial.number
    for trial in known:
        if trial.number != own and index_of(trial) == candidate.number:
            lineage = Lineage.of(trial)
            if lineage is not None:
                return lineage
    return None


def _has_weights(trial: FrozenTrial) -> bool:
    is_kept = isinstance(trial.user_attrs.get(WEIGHTS), str)
    return is_kept and training_of(trial) is not None


def _at_hand(candidate: Candidate, trials: Sequence[FrozenTrial]) -> list[Candidate]:
    """Return those whose weights are files on this machine, with choices of the space."""
    found, lost = [], []
    for trial in trials:
        if not Path(str(trial.user_attrs.get(WEIGHTS))).is_file():
            lost.append(trial)
            continue
        other = Candidate.of(candidate.space, trial)
        try:
            _ = candidate.space.architecture(other.choices)
        except (InvalidGraph, InvalidSpace):
            continue  # another program's, or of a space with other options
        found.append(other)
    if lost:
        place = str(Path(str(lost[0].user_attrs.get(WEIGHTS))).parent)
        warn_of_lost(place, [trial.number for trial in lost])
    return found


def _check_training(trial: FrozenTrial, training: Mapping[str, Any]) -> None:
    before = training_of(trial) or {}
    names = sorted(n for n in {*before, *training} if before.get(n) != training.get(n))
    if names:
        lines = [f"{n} was {before.get(n)!r}, now {training.get(n)!r}" for n in names]
        raise InvalidArgument(
            f"expected weights of the same training to inherit from, got those of trial "
            f"{trial.number} ({'; '.join(lines)}); give the search a study_name of its own, or "
            "the settings of before"
        )


def _ranking(candidate: Candidate, objective: Objective) -> Any:
    """Return a function of a candidate: numbers that are lower for better and older trials."""
    assert isinstance(candidate.trial, Trial)
    names: Sequence[str] = candidate.trial.study.metric_names or []
    place = list(names).index(objective.name) if objective.name in names else None
    sign = -1.0 if objective.direction == "maximize" else 1.0

    def ranked(other: Candidate) -> tuple[float, int]:
        values: Sequence[float] = getattr(other.trial, "values", None) or ()
        value = math.inf if place is None or place >= len(values) else sign * values[place]
        return (value if math.isfinite(value) else math.inf, other.trial.number)

    return ranked
