"""One trial as a report reads it: every value checked, whatever program wrote it.

===========  =====================================================================================
outcome      the trial
===========  =====================================================================================
measured     is complete, with a finite value for each objective
known        the same, measured before the search
not_finite   is complete, without a finite value for each objective: adds nothing to the front
pruned       was pruned by its evaluation
stopped      was stopped early by a rule
failed       has failed in its evaluation
released     was given up unmeasured: its worker died or was stopped
running      is running
waiting      is enqueued
===========  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from optuna.trial import FrozenTrial, TrialState

from bonas.evaluation.candidate import index_of
from bonas.evaluation.curve import measurements_of, partial_values
from bonas.evaluation.failure import Failure
from bonas.evaluation.latency.latency import DEVICE
from bonas.evaluation.measurement import Measurement
from bonas.studies.budget import seconds_of
from bonas.studies.lease import worker_of
from bonas.studies.outcomes import failure_of, is_known, is_stopped_early
from bonas.studies.predictions import Prediction, prediction_of
from bonas.studies.records import PROPOSED_BY, RELEASED, proposed, sd_of, values_of
from bonas.studies.stops import Stop, stop_of

Outcome = Literal[
    "measured",
    "known",
    "not_finite",
    "pruned",
    "stopped",
    "failed",
    "released",
    "running",
    "waiting",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class SearchedTrial:
    """A trial of a study, and what its attributes say.

    Attributes:
        number: Of the trial.
        index: Of its proposal, which is tried again in another trial if its worker dies.
        outcome: How it ended, or that it has not.
        values: An objective's name -> its finite value, in its unit, also where only some were
            measured before the evaluation ended.
        sds: An objective's name -> the reported standard deviation, where there is one.
        choices: A parameter's name -> its value; parameters that are no choice included.
        is_member: Whether the choices are an architecture of the space; True without a space.
        violations: A constrained measurement -> by how much it is out of bounds, in its unit; NaN
            where it was not measured. Of finished trials with values alone.
        is_feasible: Whether it keeps all constraints.
        prediction: What the surrogate expected; None for random proposals.
        failure: Why it failed; the text is empty if another program did not say.
        stop: Where a rule stopped it.
        source: The source of candidates that proposed it; empty for the search itself.
        worker: The name of the worker that evaluated it; empty if unknown.
        host: The machine of the worker; empty if unknown.
        device: A latency's name -> on what it was measured, as it is stored.
        started: When it began, in local time.
        ended: When it ended.
        seconds: How long it took, its proposal included; 0 while it runs.
        frozen: Optuna's record.
    """

    number: int
    index: int
    outcome: Outcome
    values: Mapping[str, float]
    sds: Mapping[str, float]
    choices: Mapping[str, Any]
    is_member: bool
    violations: Mapping[str, float]
    is_feasible: bool
    prediction: Prediction | None
    failure: Failure | None
    stop: Stop | None
    source: str
    worker: str
    host: str
    device: Mapping[str, Any]
    started: datetime | None
    ended: datetime | None
    seconds: float
    frozen: FrozenTrial = field(repr=False, compare=False)

    @classmethod
    def of(
        cls,
        trial: FrozenTrial,
        names: Sequence[str],
        stored_names: Sequence[str],
        *,
        is_member: bool = True,
        violations: Mapping[str, float] | None = None,
        is_feasible: bool = True,
    ) -> SearchedTrial:
        """Return what a trial says.

        Args:
            trial: Optuna's record.
            names: The objectives, as the report names them.
            stored_names: The same, as the study names them.
            is_member: As the attribute.
            violations: As the attribute.
            is_feasible: As the attribute.
        """
        outcome = _outcome(trial, len(names))
        found = zip(names, _partial(trial, stored_names), strict=True)
        sds = zip(names, (sd_of(trial, name) for name in stored_names), strict=True)
        failure = failure_of(trial)
        if failure is None and outcome == "failed":
            failure = Failure("exception", "", "")
        worker = worker_of(trial)
        device: object = trial.user_attrs.get(DEVICE)
        return cls(
            number=trial.number,
            index=index_of(trial),
            outcome=outcome,
            values={name: value for name, value in found if math.isfinite(value)},
            sds={name: sd for name, sd in sds if math.isfinite(sd)},
            choices=proposed(trial),
            is_member=is_member,
            violations=violations or {},
            is_feasible=is_feasible,
            prediction=prediction_of(trial, names),
            failure=failure,
            stop=stop_of(trial, names),
            source=PROPOSED_BY.read(trial) or "",
            worker=_text(worker.get("name")),
            host=_text(worker.get("host")),
            device=device if isinstance(device, dict) else {},
            started=trial.datetime_start,
            ended=trial.datetime_complete,
            seconds=seconds_of(trial),
            frozen=trial,
        )

    @property
    def has_values(self) -> bool:
        """Whether each objective has its final, finite value."""
        return self.outcome in ("measured", "known")

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What its evaluation measured, in order; parsed at each access."""
        return measurements_of(self.frozen)


def _outcome(trial: FrozenTrial, m: int) -> Outcome:
    if trial.state == TrialState.COMPLETE:
        if values_of(trial, m) is None:
            return "not_finite"
        return "known" if is_known(trial) else "measured"
    if trial.state == TrialState.PRUNED:
        return "stopped" if is_stopped_early(trial) else "pruned"
    if trial.state == TrialState.FAIL:
        is_released = RELEASED.is_in(trial) and failure_of(trial) is None
        return "released" if is_released else "failed"
    return "waiting" if trial.state == TrialState.WAITING else "running"


def _partial(trial: FrozenTrial, names: Sequence[str]) -> list[float]:
    """Return the value of each objective; NaN where there is none."""
    if trial.state == TrialState.COMPLETE:
        values = trial.values
        return list(values) if len(values) == len(names) else [math.nan] * len(names)
    return partial_values(trial, names)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
