"""What a study stores under a name of bonas: every key, its type, who writes it and who reads it.

Optuna keeps user attributes and system attributes. User attributes are the user's name space, and
shown by ``trials_dataframe`` and dashboards: bonas keeps there what a person may want to know of a
study or a trial, under keys that begin with ``bonas:`` (``bonas.texts.RESERVED``), which no
measurement may. System attributes hold what only programs exchange. Where a person wants to know of
it, too, the same key of a trial's user attributes says it in words (``words`` below). Earlier
versions kept these, and the JSON objects of a study, as user attributes; they are read there, too.

===============  ======  =================  ==================================  ====================
attribute        kind    type               written by                          read by
===============  ======  =================  ==================================  ====================
of a study
SEED             user    whole number       the first call of a search          every later call
BUDGET           user    whole number, or   each call; 0 when it is handed on   every worker
                         mapping (seconds)
REOPENED         user    number of a trial  a call without active workers       outcomes
CONSTRAINTS      system  JSON object        each call that has some             constraints
DESCRIPTION      system  JSON object        the creator of the study            lineage, salvage
ORIGIN           system  JSON object        the creator of a fork or successor  lineage
SUCCESSOR        user    name of a study    a call with more options            lineage
``bonas:stop:``  system  true               a worker, after ``study.stop()``    the pool's workers
SCORED_NETWORKS  user    whole number       whoever proposes                    proposing
ARCHITECTURES    system  JSON lists         whoever proposes                    proposing
CANDIDATES       system  JSON object, and   whoever proposes                    proposing
                         JSON lists
of a trial
INDEX            user    whole number       the trial's worker                  ``Candidate.number``
WORKER           words   mapping            the trial's worker                  running
RENEWED          system  whole number       the trial's worker                  running
OFFER            system  JSON object        the server of the trial's worker    running
PROPOSAL         system  JSON object        the trial's worker or its sampler   proposing
PREDICTION       system  JSON object        with the proposal                   ``SearchResult``
PROPOSED_BY      user    text               with the proposal                   ``SearchResult``
MEASUREMENTS     system  JSON lists         the trial's worker                  proposing, stopping
NETWORK          system  JSON object        the trial's worker                  lineage
ERROR            words   text               the trial's worker                  outcomes
FAILURE          words   mapping            the trial's worker                  outcomes
STOPPED_EARLY    words   mapping            the trial's worker, for a rule      budget, result
SECONDS          system  number             who copies or stores it late        budget
RELEASED         system  text               a worker, coordinator or call       outcomes
KNOWN            user    text               a warm start                        outcomes
COPIED           user    text               the creator of a fork or successor  lineage
``<name>_sd``    user    number             the evaluation                      proposing
``bonas:device`` user    mapping            ``Latency``                         people
===============  ======  =================  ==================================  ====================

``INDEX`` is declared in ``bonas.evaluation.candidate``, ``MEASUREMENTS`` (a number follows)
in ``bonas.evaluation.curve``, decisions of stopping rules among these in
``stopping.rivals``, ``ARCHITECTURES`` (a number and a mark follow) in
``architecture_measurements``, the file of a network's weights in ``bonas.evaluation.weights``,
what it started from in ``bonas.evaluation.inheritance.lineage``, on what a latency was measured
in ``bonas.evaluation.latency.latency``, what a comparison stores in
``bonas.benchmarks.comparison``, and what the choice of a final network stores in
``bonas.deploy.final_record``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeGuard

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from bonas.arguments import is_count, is_number
from bonas.evaluation import record
from bonas.evaluation.candidate import INDEX, index_of
from bonas.evaluation.objective import Direction
from bonas.optuna_internals import set_study_system_attr, set_user_attr, study_system_attrs
from bonas.spaces import Space
from bonas.studies.attributes import (
    StudyAttribute,
    TrialAttribute,
    ignored_in_study,
    json_object,
    mapping,
    text,
    whole,
)


def _json(key: str) -> TrialAttribute[dict[str, Any]]:
    """Return a system attribute of a trial that holds an object as JSON."""
    return TrialAttribute(key, "a JSON object", json_object, json.dumps, is_system=True)


def _place(worker: Mapping[str, Any]) -> str:
    """Return where a worker is."""
    host, *_ = str(worker.get("host", "?")).split() or ["?"]  # without what tells machines apart
    return f"process {worker.get('pid', '?')} on {host}"


def _last_line(error: str) -> str:
    """Return the line of a traceback that names the error."""
    return next((line for line in reversed(error.splitlines()) if line.strip()), "")


def _cause(failure: Mapping[str, Any]) -> str:
    """Return of which kind a failure is, and where it was."""
    kind = str(failure.get("kind", "exception")).replace("_", " ")
    phase, signal = failure.get("phase"), failure.get("signal")
    return kind + (f" in {phase}" if phase else "") + (f", signal {signal}" if signal else "")


def _cut(stop: Mapping[str, Any]) -> str:
    """Return when and why an evaluation was stopped."""
    share: object = stop.get("fidelity")
    part = f" after {share:.0%}" if is_number(share) and math.isfinite(share) else ""
    return f"at step {stop.get('step', '?')}{part}: {stop.get('reason', '?')}"


def _budget(value: object) -> int | dict[str, Any] | None:
    """Return a whole number, or a mapping with seconds; None for anything else."""
    if isinstance(value, dict):
        seconds: object = value.get("seconds")
        return value if is_number(seconds) and 0 < seconds < math.inf else None
    return whole(value)


def _seconds(value: object) -> float | None:
    """Return a finite number of at least 0; None for anything else."""
    return float(value) if is_number(value) and 0 <= value < math.inf else None


SEED: Final = StudyAttribute("bonas:seed", "a whole number", whole)
"""The seed of every random number generator of the search."""
BUDGET: Final = StudyAttribute[int | dict[str, Any]](
    "bonas:budget", "a whole number, or seconds", _budget
)
"""How many architectures its workers evaluate in all, or ``{"seconds": ...}``, see ``budget``."""
REOPENED: Final = StudyAttribute("bonas:reopened", "a whole number", whole)
"""The number below which failed trials are tried again."""
CONSTRAINTS: Final = StudyAttribute(
    "bonas:constraints", "bounds by name", json_object, json.dumps, is_system=True
)
"""A measurement -> its bounds ``lower`` and ``upper``, see ``constraints``; none if the latest call
has no constraint of that name any more."""
DESCRIPTION: Final = StudyAttribute(
    "bonas:description", "a description", json_object, json.dumps, is_system=True
)
"""What is searched and measured, in which units, see ``lineage.description``."""
ORIGIN: Final = StudyAttribute(
    "bonas:origin", "another study", json_object, json.dumps, is_system=True
)
"""What the study was made out of, see ``lineage.origin``."""
SUCCESSOR: Final = StudyAttribute("bonas:successor", "the name of a study", text)
"""The study in which the search goes on."""
SCORED_NETWORKS: Final = StudyAttribute("bonas:scored_networks", "a whole number", whole)
"""Of how many networks the zero-cost scores are computed that proposals read."""

CANDIDATES: Final = StudyAttribute(
    "bonas:candidates", "sources of candidates", json_object, json.dumps, is_system=True
)
"""The digest of a source's description -> its name, and under which keys (which begin with this
one's) its candidates are stored, see ``proposing.suggested``."""

WORKER: Final = TrialAttribute(
    "bonas:worker", "a mapping", mapping, is_system=True, in_words=_place
)
"""Which process evaluates the trial, as ``lease.Worker`` describes it."""
RENEWED: Final = TrialAttribute("bonas:renewed", "a whole number", whole, is_system=True)
"""A count that grows while the trial's worker lives."""
OFFER: Final = _json("bonas:offer")
"""A proposal that the trial's worker has not taken yet: ``index``, ``params`` and ``prediction``.
It may be written over; empty where it was withdrawn."""
PROPOSAL: Final = _json("bonas:proposal")
"""The parameters of the whole proposal, from the moment it is made."""
PREDICTION: Final = _json("bonas:prediction")
"""What the surrogate expected: ``mean`` and ``sd`` of each objective in its own unit, and
``weights``, each objective's mixture weights; ``evaluable`` and ``feasible``, the probabilities
that its evaluation does not fail and that it keeps all constraints, where these may happen."""
PROPOSED_BY: Final = TrialAttribute("bonas:proposed_by", "a text", text)
"""The source of candidates that the proposal came from; empty or absent for all others."""
NETWORK: Final = _json("bonas:network")
"""Which network the trial was evaluated as: ``hash``, and ``by``, the version of what traced it."""
ERROR: Final = TrialAttribute("bonas:error", "a text", text, is_system=True, in_words=_last_line)
"""The traceback of a failed evaluation."""
FAILURE: Final = TrialAttribute(
    "bonas:failure", "a mapping", mapping, is_system=True, in_words=_cause
)
"""Of which ``kind`` a failure is, in which ``phase``, and by which ``signal``. It is written before
``ERROR``, by which the trial counts as failed."""
STOPPED_EARLY: Final = TrialAttribute(
    "bonas:stopped_early", "a mapping", mapping, is_system=True, in_words=_cut
)
"""Why a rule has stopped the evaluation, at which ``step`` and which ``fidelity``: the share of a
whole evaluation that the budget counts."""
SECONDS: Final = TrialAttribute("bonas:seconds", "a number", _seconds, is_system=True)
"""How long the evaluation took, where the trial's own times do not say."""
RELEASED: Final = TrialAttribute("bonas:released", "a text", text, is_system=True)
"""Why the trial was given up unmeasured, or will not be tried again though it counts as failed."""
KNOWN: Final = TrialAttribute("bonas:known", "a text", text)
"""A mark of what was known before the search: data that no budget counts."""
COPIED: Final = TrialAttribute("bonas:copied", "a text", text)
"""Of which trial it is a copy: the study and the number."""

IMPOSSIBLE: Final = "no architecture"
DIED: Final = "its worker died"
STOPPED: Final = "its worker was stopped"
SURPLUS: Final = "the budget was used"
"""Reasons for which trials are released."""

SD: Final = record.SD
"""After an objective's name: the user attribute with the standard deviation of its value."""
_STOP = "bonas:stop:"  # before the name of the workers' asker
_ENQUEUED = "fixed_params"  # Optuna's own key: the parameters with which a trial was enqueued


def stop_workers(study: Study, asker: str) -> None:
    """Let the workers end for which ``asker`` proposes."""
    set_study_system_attr(study, _STOP + asker, True)


def are_stopped(study: Study, asker: str) -> bool:
    """Return whether the workers are to end for which ``asker`` proposes."""
    return _STOP + asker in study_system_attrs(study)


def directions(study: Study) -> list[Direction]:
    """Return ``maximize`` or ``minimize`` for each objective, as ``oriented`` takes them."""
    is_best_high = (direction == StudyDirection.MAXIMIZE for direction in study.directions)
    return ["maximize" if high else "minimize" for high in is_best_high]


def names_of(study: Study) -> list[str]:
    """Return the different names of the objectives; empty if they have none."""
    names: object = study.metric_names
    if names is None:
        return []
    found = [name for name in names if isinstance(name, str)] if _is_list(names) else []
    if _is_list(names) and len({*found}) == len(names) == len(study.directions):
        return found
    what = f"{len(study.directions)} different names were expected, got {names!r:.200}"
    ignored_in_study(study, "metric names", what)
    return []


def values_of(trial: FrozenTrial, m: int) -> list[float] | None:
    """Return the ``m`` finite values of a finished trial; None where it has others, or none."""
    values = trial.values
    if trial.state != TrialState.COMPLETE or values is None or len(values) != m:
        return None
    return values if all(map(math.isfinite, values)) else None


def sd_of(trial: FrozenTrial, objective: str) -> float:
    """Return the reported standard deviation of an objective's value; NaN if there is none."""
    value: object = trial.user_attrs.get(objective + SD)
    return float(value) if is_number(value) and 0 <= value < math.inf else math.nan


def enqueued(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters with which a trial was enqueued; empty where it was not."""
    return dict(mapping(trial.system_attrs.get(_ENQUEUED)) or {})


def proposed(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return the trial's parameters, also those proposed or enqueued and not yet asked for."""
    if trial.state == TrialState.COMPLETE and trial.params:
        return trial.params  # nothing is missing
    return {**(PROPOSAL.read(trial) or {}), **enqueued(trial), **trial.params}


def choices_in(params: Mapping[str, Any], space: Space) -> dict[str, Any] | None:
    """Return the parameters of a space if they are a complete combination; None otherwise."""
    choices = {name: params[name] for name in space.distributions if name in params}
    if any(choices[name] not in space.distributions[name].choices for name in choices):
        return None
    return choices if choices.keys() == space.completed(choices).keys() else None


def offered(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return the parameters that a trial was offered; empty where it was offered nothing."""
    return mapping((OFFER.read(trial) or {}).get("params")) or {}


def is_proposed(trial: FrozenTrial) -> bool:
    """Return whether it is settled what the trial evaluates."""
    return bool(trial.params) or bool(proposed(trial))


def index_made(trial: FrozenTrial) -> int | None:
    """Return the index of what a trial evaluates, or was offered; None if that is nothing."""
    if is_proposed(trial):
        return index_of(trial)
    found = Proposal.offered(trial)
    return None if found is None else found.index


@dataclass(frozen=True)
class Proposal:
    """A proposal as a trial holds it: offered to the trial, then taken by its worker.

    Attributes:
        index: Which proposal of the study it is.
        params: A parameter's name -> its value.
        prediction: What the surrogate expects of it; None for a random one.
        source: The source of candidates that it came from; None for none.
    """

    index: int
    params: Mapping[str, Any]
    prediction: Mapping[str, Any] | None
    source: str | None = None

    @classmethod
    def of(cls, trial: FrozenTrial) -> Proposal | None:
        """Return what a trial evaluates, or else what it was offered; None if that is nothing."""
        if is_proposed(trial):
            prediction = PREDICTION.read(trial) or None
            source = PROPOSED_BY.read(trial) or None
            return cls(index_of(trial), proposed(trial), prediction, source)
        return cls.offered(trial)

    @classmethod
    def offered(cls, trial: FrozenTrial) -> Proposal | None:
        """Return what a trial was offered; None if that is nothing, or cannot be read."""
        found = OFFER.read(trial) or {}
        index, params, prediction = (found.get(key) for key in ("index", "params", "prediction"))
        if not is_count(index) or not isinstance(params, dict):
            return None
        return cls(index, params, mapping(prediction), text(found.get("source")))

    @staticmethod
    def withdraw(study: Study, trial: FrozenTrial) -> None:
        """Take back what a trial was offered."""
        with suppress(UpdateFinishedTrialError):
            OFFER.write(study, trial, {})

    def offer(self, study: Study, trial: FrozenTrial) -> None:
        """Offer it to a trial, unless that was released in the meantime."""
        with suppress(UpdateFinishedTrialError):
            OFFER.write(study, trial, asdict(self))

    def settle(self, study: Study, trial: FrozenTrial) -> None:
        """Make it what a trial evaluates; only the trial's worker may do that.

        ``trial`` is what the study holds now. The parameters come last, since others look for them.

        Raises:
            UpdateFinishedTrialError: if the trial was released.
        """
        if self.index != index_of(trial):
            set_user_attr(study, trial, INDEX, self.index)
        if self.prediction is not None or PREDICTION.is_in(trial):
            PREDICTION.write(study, trial, dict(self.prediction or {}))
        if self.source is not None or PROPOSED_BY.is_in(trial):
            PROPOSED_BY.write(study, trial, self.source or "")
        PROPOSAL.write(study, trial, dict(self.params))


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))
