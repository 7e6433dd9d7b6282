"""Rivals: the values of other trials at a rung, and earlier decisions of the same proposal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from bonas.evaluation.candidate import Candidate, index_of
from bonas.evaluation.curve import (
    lists_of,
    measurements_in,
    notes_of,
)
from bonas.studies.outcomes import has_failed
from bonas.studies.stopping.rule import Decision
from bonas.studies.stopping.rungs import Rung, rung_at

DECISION = "decision"
"""The key of a decision among the measurements of a trial."""


def decisions_of(trial: FrozenTrial) -> list[Decision]:
    """Return what was decided in a trial, in order; what cannot be read is left out."""
    found = (note.get(DECISION) for note in notes_of(trial) if isinstance(note, dict))
    parsed = (Decision.parsed(each) for each in found if isinstance(each, dict))
    return [decision for decision in parsed if decision is not None]


def earlier_decision(study: Study, candidate: Candidate, rule: str, rung: Rung) -> Decision | None:
    """Return what another trial of the same proposal decided at the rung before it was cut off."""
    for trial in reversed(study.get_trials(deepcopy=False)[: candidate.trial.number]):
        if index_of(trial) == candidate.number:
            for decision in decisions_of(trial):
                if (decision.rule, decision.rung, decision.step) == (rule, rung.at, rung.step):
                    return decision
    return None


def rivals_at(
    study: Study, candidate: Candidate, rung: Rung, names: Sequence[str], by_training: bool
) -> list[Rung]:
    """Return the values at the rung of all other proposals that can be compared there.

    Objectives that the candidate is judged in by final values are judged so in all. Of a proposal
    that was evaluated twice, the latest trial that has reached the rung counts; none that failed.
    """
    cheap = tuple(n for n, curve in zip(names, rung.curves, strict=True) if curve is None)
    found: dict[int, Rung] = {}
    for trial in _measured(study.get_trials(deepcopy=False)):
        index = index_of(trial)
        if index == candidate.number:
            continue
        finals = _finals_of(trial, names) if cheap else {}
        if not finals.keys() >= {*cheap}:
            continue
        own = tuple((name, finals[name]) for name in cheap)
        at = _rung_in(lists_of(trial), rung.at, own, tuple(names), by_training)
        if at is not None and at.is_comparable(rung):
            found[index] = at
    return list(found.values())


def _measured(known: Sequence[FrozenTrial]) -> Iterator[FrozenTrial]:
    """Yield the trials with measurements whose evaluation has not failed."""
    for trial in known:
        if trial.state != TrialState.WAITING and lists_of(trial) and not has_failed(trial):
            yield trial


def _finals_of(trial: FrozenTrial, names: Sequence[str]) -> Mapping[str, float]:
    """Return the final values of the objectives ``names``, of those that were measured."""
    if trial.values is not None and len(trial.values) == len(names):
        return dict(zip(names, trial.values, strict=True))
    return _finals_in(lists_of(trial))


@lru_cache(maxsize=10_000)
def _finals_in(texts: tuple[str, ...]) -> Mapping[str, float]:
    """Return the final values in the stored measurements of a trial; texts are parsed once."""
    final = (m.values for m in measurements_in(texts) if m.is_final)
    return {name: value for values in final for name, value in values.items()}


@lru_cache(maxsize=10_000)
def _rung_in(
    texts: tuple[str, ...],
    at: float,
    finals: tuple[tuple[str, float], ...],
    names: tuple[str, ...],
    by_training: bool,
) -> Rung | None:
    """Return the rung in the stored measurements of a trial; texts are parsed once."""
    return rung_at(at, measurements_in(texts), dict(finals), names, by_training)
