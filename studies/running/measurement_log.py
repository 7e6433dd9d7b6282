"""Measurement log: stores the stream of an evaluation while it comes.

A write takes 8 to 50 ms, depending on the storage, and an epoch may take less. Final values, such
as an objective that was measured before the others, are written at once, and so is a decision of a
stopping rule, in one write with the curves it was made from. Points of curves wait for
the next write that the evaluation can afford: writing takes about 1 % of its time. A process that
is killed loses no more than the points since the latest write.

With one objective its points are reported to Optuna, too, for Optuna's plots and dashboard. Each
report is a write of its own, so that of a short training only some points are reported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial

from bonas.evaluation.curve import Curve, packed
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.record import Record
from bonas.optuna_internals import frozen, set_system_attr
from bonas.studies.running.interrupts import held_back
from bonas.studies.stopping.rivals import DECISION
from bonas.studies.stopping.rule import Decision

_SHARE = 0.01  # of an evaluation's time that writing points of curves may take
_COST = 0.005  # seconds that a write is taken to need before the first one: so it comes early
_logger = logging.getLogger(__name__)


class MeasurementLog:
    """Stores what ``record`` receives in the trial that is being evaluated.

    A storage that fails ends the log, not the evaluation: what is missing is stored at the end.

    Args:
        study: Whose trial it is.
        trial: Running.
        record: Of the evaluation.
        clock: Seconds, from any moment on.
    """

    def __init__(
        self,
        study: Study,
        trial: Trial,
        record: Record,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._study, self.trial, self._record, self._clock = study, trial, record, clock
        self._began = clock()
        self._writing, self._cost = 0.0, _COST  # seconds of all writes, and of the latest one
        self._stored: dict[str, str] = {}
        self._is_open = True
        self._decisions: list[tuple[int, Decision]] = []  # how much was measured before each

    def note(self, decision: Decision | None = None) -> None:
        """Store what is new in the record, if that is worth a write, or with a decision.

        When all objectives have their final values, the trial is about to be stored as a whole.
        """
        if decision is not None:
            self._decisions.append((len(self._record.measurements), decision))
        if not self._is_open or self._record.is_complete:
            return
        if decision is not None or self._record.measurements[-1].step is None:
            self._attempt(self._write)
        elif self._is_affordable():
            self._attempt(self._write, self._report)

    def close(self) -> None:
        """Report what is left to Optuna, as far as it is affordable."""
        for step, value in reversed(self._unreported()):
            if not self._is_open or not self._is_affordable():
                break
            self._attempt(partial(self.trial.report, value, step))
        self._is_open = False

    def attributes(self, others: Mapping[str, float]) -> dict[str, str]:
        """Return the system attributes of the trial when its evaluation has failed or was pruned.

        Args:
            others: Final values that the record does not have.
        """
        more = {name: x for name, x in others.items() if name not in self._record.values}
        last = [Measurement(more)] if more else []
        return packed([*self._entries(), *last])

    def curves(self) -> dict[str, str]:
        """Return the system attributes of a completed trial; none if nothing but values came."""
        has_more = any(not m.is_final for m in self._record.measurements)
        return packed(self._entries()) if has_more else {}

    def _is_affordable(self) -> bool:
        return self._writing + self._cost <= _SHARE * (self._clock() - self._began)

    def _attempt(self, *writes: Callable[[], None]) -> None:
        began = self._clock()
        try:
            with held_back():
                for write in writes:
                    write()
        except UpdateFinishedTrialError:  # it was released: its worker seemed to be dead
            self._is_open = False
        except Exception as error:  # of any storage: a training must not be lost to it
            _logger.debug("measurements of trial %d wait: %s", self.trial.number, error)
            self._is_open = False
        self._cost = self._clock() - began
        self._writing += self._cost

    def _write(self) -> None:
        for name, text in packed(self._entries()).items():
            if self._stored.get(name) != text:
                set_system_attr(self._study, self.trial, name, text)
                self._stored[name] = text

    def _entries(self) -> Iterator[Measurement | Mapping[str, Any]]:
        """Yield all measurements, and each decision after those that it was made from."""
        done = 0
        for number, decision in self._decisions:
            yield from self._record.measurements[done:number]
            yield {DECISION: decision.stored()}
            done = number
        yield from self._record.measurements[done:]

    def _report(self) -> None:
        """Report the latest point that Optuna does not have."""
        for step, value in self._unreported()[-1:]:
            self.trial.report(value, step)

    def _unreported(self) -> list[tuple[int, float]]:
        if len(self._study.directions) > 1:
            return []  # Optuna has curves of a single objective only
        curve = Curve.of(self._record.measurements, self._record.names[0])
        reported = frozen(self.trial).intermediate_values
        points = zip(curve.steps, curve.values, strict=True)
        return [(step, value) for step, value in points if step not in reported]
