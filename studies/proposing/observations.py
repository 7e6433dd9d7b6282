"""What a study already knows: its trials, read as points and oriented values."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from optuna import Study
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from bonas.errors import InvalidGraph, InvalidSpace
from bonas.evaluation.objective import oriented
from bonas.spaces import Space
from bonas.studies.attributes import (
    ignored_in_study,
    is_whole,
    json_object,
    names_of,
    values_of,
)
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point

_logger = logging.getLogger(__name__)

PROPOSAL = "bonas:proposal"
"""The trial's system attribute that holds the whole proposal, from the moment it is made."""
OFFER = "bonas:offer"
"""The trial's system attribute that holds a proposal which its worker has not taken yet, as JSON:
``index``, ``params`` and ``prediction``. It may be written over."""
PREDICTION = "bonas:prediction"
"""The trial's system attribute that holds what the surrogate expected of it, as JSON: ``mean`` and
``sd`` of each objective in its own unit, and ``weights``, each objective's mixture weights."""
SD = "_sd"
"""After an objective's name: the trial's user attribute that holds the standard deviation of its
value, where the evaluation reports one."""
ERROR = "bonas:error"
"""The trial's user attribute that holds the traceback of a failed evaluation."""
RELEASED = "bonas:released"
"""The trial's system attribute that says why it was given up unmeasured, or will not be tried again
though it counts as failed."""
REOPENED = "bonas:reopened"
"""The study's user attribute that holds the number below which failed trials are tried again."""
KNOWN = "bonas:known"
"""The trial's user attribute that marks what was known before the search: data that no budget
counts."""


@dataclass(frozen=True)
class History:
    """The trials of a study that name all parameters.

    ``finished`` have finite ``values`` (``n x m``, oriented); ``noise`` (``n x m``) are their
    variances, NaN where the evaluation did not report one; ``pending`` are being evaluated;
    ``spent`` are the keys that need no further proposal: finished, pending, failed in evaluation
    and not reopened.
    """

    finished: Sequence[Point]
    values: Tensor
    noise: Tensor
    pending: Sequence[Point]
    spent: frozenset[tuple[object, ...]]

    @classmethod
    def of(cls, study: Study, space: Space | None, parameters: Parameters, asking: int) -> History:
        """Everything but the trial number ``asking``, in the order of the trials' numbers."""
        finished, values, sds, pending, failed = [], [], [], [], []
        names, m = names_of(study), len(study.directions)
        known = study.get_trials(deepcopy=False)
        reopened = reopened_below(study, known)
        for trial in known:
            point = point_of(trial, space, parameters)
            measured = values_of(trial, m)
            _tell_what_is_ignored(study, trial, space, point, measured)
            if point is None or trial.number == asking:
                continue
            if measured is not None:
                finished.append(point)
                values.append(measured)
                sds.append([_number(trial.user_attrs.get(name + SD)) for name in names])
            elif trial.state in (TrialState.RUNNING, TrialState.WAITING):
                pending.append(point)
            elif is_spent(trial, reopened):
                failed.append(point)
        Y = torch.from_numpy(oriented(values, directions(study)))
        spent = frozenset(point.key for point in (*finished, *pending, *failed))
        noise = torch.tensor(sds, dtype=torch.float64).reshape(len(values), len(names)).square()
        return cls(finished, Y, noise if names else torch.full_like(Y, torch.nan), pending, spent)

    def with_pending(self, point: Point) -> History:
        """The same, with one more point that is being evaluated."""
        return replace(
            self, pending=[*self.pending, point], spent=self.spent | frozenset([point.key])
        )


def _tell_what_is_ignored(
    study: Study,
    trial: FrozenTrial,
    space: Space | None,
    point: Point | None,
    measured: list[float] | None,
) -> None:
    """Of a finished trial that teaches nothing, once in a study for each reason."""
    if trial.state != TrialState.COMPLETE:
        return
    which = f"trial {trial.number}, and perhaps others"
    if measured is None:
        what = f"{which}: {len(study.directions)} finite values were expected, got {trial.values}"
        ignored_in_study(study, "a trial's values", what)
    elif point is None and space is not None and choices_of(trial, space) is None:
        what = f"{which}: it is no architecture of the space: {trial.params!r:.200}"
        ignored_in_study(study, "a trial's parameters", what)


def _number(value: object) -> float:
    """NaN for what is no number that a standard deviation can be."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < np.inf
    return float(value) if good else np.nan  # type: ignore[arg-type]  # good says so


def directions(study: Study) -> list[str]:
    """``maximize`` or ``minimize`` for each objective, as ``oriented`` takes them."""
    return [direction.name.lower() for direction in study.directions]


def failure_of(trial: FrozenTrial) -> str | None:
    """The traceback of a failed evaluation; None where none is written down."""
    found: object = trial.user_attrs.get(ERROR)
    return found if isinstance(found, str) else None


def is_known(trial: FrozenTrial) -> bool:
    """Whether the trial was known before the search: data that no budget counts."""
    return isinstance(trial.user_attrs.get(KNOWN), str)


def proposed(trial: FrozenTrial) -> Mapping[str, Any]:
    """The parameters of a trial, including those proposed or enqueued but not yet asked for."""
    if trial.state == TrialState.COMPLETE and trial.params:
        return trial.params  # nothing is missing
    enqueued = trial.system_attrs.get("fixed_params")
    return {
        **stored(trial, PROPOSAL),
        **(enqueued if isinstance(enqueued, dict) else {}),
        **trial.params,
    }


def stored(trial: FrozenTrial, name: str) -> dict[str, Any]:
    """What was written down under a name; nothing where another program wrote something else."""
    text: object = trial.system_attrs.get(name)
    if text is None:
        return {}
    found = json_object(text)
    if found is None:
        _tell_unread(trial.number, name, f"{text!r:.200}")
        return {}
    return found


def offered(trial: FrozenTrial) -> Mapping[str, Any]:
    """The parameters that a trial was offered; empty where it was offered nothing."""
    params: object = stored(trial, OFFER).get("params")
    return params if isinstance(params, dict) else {}


def is_spent(trial: FrozenTrial, reopened: int) -> bool:
    """Return whether what the trial evaluates needs no further proposal."""
    if trial.state != TrialState.FAIL:
        return True
    return failure_of(trial) is not None and not is_open(trial, reopened)


def can_be_reopened(trial: FrozenTrial) -> bool:
    """Return whether the trial failed in an evaluation that may be better next time."""
    is_failed = trial.state == TrialState.FAIL and failure_of(trial) is not None
    return is_failed and RELEASED not in trial.system_attrs and not is_known(trial)


def is_open(trial: FrozenTrial, reopened: int) -> bool:
    """Return whether the trial failed, and is to be tried again under its index."""
    return trial.number < reopened and can_be_reopened(trial)


def reopened_below(study: Study, known: Sequence[FrozenTrial]) -> int:
    """Return the number below which failed trials are tried again; it is read where one failed."""
    if not any(map(can_be_reopened, known)):
        return 0
    found: object = study.user_attrs.get(REOPENED)
    return found if is_whole(found) else 0


@lru_cache(maxsize=1_000)
def _tell_unread(number: int, name: str, text: str) -> None:
    """Once, as long as it is remembered: every proposal reads all trials."""
    _logger.warning("trial %d has a %s that cannot be read: %s", number, name, text)


def point_of(trial: FrozenTrial, space: Space | None, parameters: Parameters) -> Point | None:
    """What a trial stands for; None where a parameter is missing, or has an impossible value.

    A trial that waits for its proposal stands for what it is offered.
    """
    return point_at(proposed(trial) or offered(trial), space, parameters)


def point_at(
    params: Mapping[str, Any], space: Space | None, parameters: Parameters
) -> Point | None:
    """What these values stand for; None where one is missing, or impossible."""
    values = {}
    for name, distribution in parameters.distributions.items():
        if name not in params or not contains(distribution, params[name]):
            return None
        values[name] = params[name]
    if space is None:
        return Point(None, values)
    choices = belongs(params, space)
    if choices is None:
        return None
    try:
        return Point(space.architecture(choices), values)
    except (InvalidGraph, InvalidSpace):  # another program chose what cannot be built
        return None


def choices_of(trial: FrozenTrial, space: Space) -> dict[str, Any] | None:
    """What a trial chose, or is to choose, of a space; None where that is no combination of it."""
    return belongs(proposed(trial), space)


def belongs(params: Mapping[str, Any], space: Space) -> dict[str, Any] | None:
    """The parameters that belong to a space, where they are a whole combination; else None."""
    choices = {name: params[name] for name in space.distributions if name in params}
    if any(choices[name] not in space.distributions[name].choices for name in choices):
        return None
    return choices if choices.keys() == space.completed(choices).keys() else None


def contains(distribution: Any, value: Any) -> bool:
    """Whether a distribution can have that value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (OverflowError, TypeError, ValueError):
        return False
