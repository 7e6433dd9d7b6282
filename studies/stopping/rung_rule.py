"""Rung rules: stopping rules that compare a trial with others at the rungs that both have reached.

A decision is made from what is stored when the rung is reached, the values of running trials
included: nobody waits for others. It is stored with the curve that it was made from. A trial that
was cut off after that decides alike when it is evaluated again.

One of ten trials that a rule would stop goes on, so that it can be shown what stopping loses. Which
ones follows from the seed of the study and the index of the proposal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

import numpy as np
from optuna import Study

from bonas.arguments import check_range
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.record import Record
from bonas.studies.records import SEED
from bonas.studies.stopping.rivals import earlier_decision, rivals_at
from bonas.studies.stopping.rule import Decision
from bonas.studies.stopping.rungs import Rung, checked_rungs, rung_at

_STREAM = 0x57A7  # separates these random numbers from those of proposals


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule makes of a trial at a rung.

    Attributes:
        stops: Whether the rest is not worth its cost.
        reason: Why, in words.
        compared: What it was compared with, as JSON values.
    """

    stops: bool
    reason: str
    compared: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RungRule(ABC):
    """The base of the stopping rules that look at rungs.

    Args:
        rungs: Where to look: shares of the whole evaluation in (0, 1), or steps. Of a short
            training, a first rung below a tenth is mostly noise.
        unstopped: Share of the trials that go on whatever the rule says, in [0, 1).
        by_training: Whether to judge objectives by the curves of their training values, where an
            evaluation leaves such.

    Raises:
        InvalidArgument: for an argument out of its range.
    """

    _: KW_ONLY
    rungs: Sequence[float] = (0.1, 0.3)
    unstopped: float = 0.1
    by_training: bool = True
    name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rungs", checked_rungs(self.rungs))
        check_range("unstopped", self.unstopped, 0.0, 1.0)
        if not isinstance(self.by_training, bool):
            raise InvalidArgument(f"by_training must be True or False, got {self.by_training!r}")

    @abstractmethod
    def verdict(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung, rivals: Sequence[Rung]
    ) -> Verdict:
        """Return what to make of a candidate at a rung.

        Args:
            study: With all trials; that of the candidate is running.
            candidate: Which is being evaluated.
            record: What was measured of it so far.
            rung: Its values at the rung.
            rivals: Those of all other trials that have reached the rung, running ones included.
        """

    def __call__(self, study: Study, candidate: Candidate, record: Record, /) -> Decision | None:
        """Return the decision if the latest measurement has reached a rung; None otherwise."""
        rung = self.reached(record)
        if rung is None:
            return None
        earlier = earlier_decision(study, candidate, self.name, rung)
        if earlier is not None:
            return earlier
        rivals = rivals_at(study, candidate, rung, record.names, self.by_training)
        verdict = self.verdict(study, candidate, record, rung, rivals)
        spared = verdict.stops and self._is_spared(study, candidate)
        compared = {
            "values": dict(zip(record.names, rung.values, strict=True)),
            "curves": {n: c for n, c in zip(record.names, rung.curves, strict=True) if c},
            "rivals": len(rivals),
            **verdict.compared,
        }
        return Decision(
            verdict.stops and not spared,
            verdict.reason,
            self.name,
            rung.at,
            rung.step,
            rung.fidelity,
            spared,
            compared,
        )

    def reached(self, record: Record) -> Rung | None:
        """Return the highest rung that the latest measurement is the first to have reached."""
        latest = record.measurements[-1]
        if latest.step is None or latest.fidelity == 1:
            return None
        for at in reversed(self.rungs):
            if (latest.step if at >= 1 else latest.fidelity or 0.0) < at:
                continue
            rung = rung_at(at, record.measurements, record.values, record.names, self.by_training)
            # A point before the latest one has reached the rung, and lower rungs before it.
            if rung is None or rung.step != latest.step:
                return None
            return rung if _decides(rung, latest.values) else None
        return None

    def _is_spared(self, study: Study, candidate: Candidate) -> bool:
        entropy = (SEED.read(study) or 0, candidate.number, _STREAM)
        return bool(np.random.default_rng(entropy).random() < self.unstopped)


def _decides(rung: Rung, latest: Mapping[str, float]) -> bool:
    """Return whether the latest measurement has one of the points that reach the rung."""
    return any(curve in latest for curve in rung.curves if curve is not None)
