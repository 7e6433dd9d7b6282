"""Measurement log: stores the stream of an evaluation while it comes.

A write takes 8 to 50 ms, depending on the storage, and an epoch may take less. Final values, such
as an objective that was measured before the others, are written at once. Points of curves wait for
the next write that the evaluation can afford: writing takes about 1 % of its time. A process that
is killed loses no more than the points since the latest write.

With one objective its points are reported to Optuna, too, for Optuna's plots and dashboard. Each
report is a write of its own, so of a short training only some points are, the latest first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial

from bonas.evaluation.curve import packed
from bonas.evaluation.measurement import Measurement
from bonas.evaluation.record import Record
from bonas.optuna_internals import frozen, set_system_attr
from bonas.studies.running.interrupts import held_back

_SHARE = 0.01  # of an evaluation's time that is spent on writing points of curves
_COST = 0.05  # seconds that a write is taken to need before the first one
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
        self._study, self._trial, self._record, self._clock = study, trial, record, clock
        self._began = clock()
        self._writing, self._cost = 0.0, _COST  # seconds of all writes, and of the latest one
        self._stored: dict[str, str] = {}
        self._is_open = True

    def note(self) -> None:
        """Store what is new in the record, if that is worth a write.

        When all objectives have their final values, the trial is about to be stored as a whole.
        """
        if not self._is_open or self._record.is_complete:
            return
        if self._record.measurements[-1].step is None or self._is_affordable():
            self._attempt(self._write)
            self._attempt(self._report)

    def close(self) -> None:
        """Report what is left to Optuna, as far as it is affordable."""
        self._attempt(self._report)
        self._is_open = False

    def attributes(self, others: Mapping[str, float]) -> dict[str, str]:
        """Return the system attributes of the trial when its evaluation has failed or was pruned.

        Args:
            others: Final values that the record does not have.
        """
        more = {name: x for name, x in others.items() if name not in self._record.values}
        last = [Measurement(more)] if more else []
        return packed([*self._record.measurements, *last])

    def curves(self) -> dict[str, str]:
        """Return the system attributes of a completed trial; none if nothing but values came."""
        has_more = any(not m.is_final for m in self._record.measurements)
        return packed(self._record.measurements) if has_more else {}

    def _is_affordable(self) -> bool:
        return self._writing + self._cost <= _SHARE * (self._clock() - self._began)

    def _attempt(self, write: Callable[[], None]) -> None:
        if not self._is_open:
            return
        try:
            with held_back():
                write()
        except UpdateFinishedTrialError:  # it was released: its worker seemed to be dead
            self._is_open = False
        except Exception as error:  # of any storage: a training must not be lost to it
            _logger.debug("measurements of trial %d wait: %s", self._trial.number, error)
            self._is_open = False

    def _write(self) -> None:
        for name, text in packed(self._record.measurements).items():
            if self._stored.get(name) != text:
                self._timed(lambda name=name, text=text: self._set(name, text))

    def _set(self, name: str, text: str) -> None:
        set_system_attr(self._study, self._trial, name, text)
        self._stored[name] = text

    def _report(self) -> None:
        if len(self._study.directions) > 1:
            return  # Optuna has curves of a single objective only
        (name,) = self._record.names
        reported = frozen(self._trial).intermediate_values
        for measurement in reversed(self._record.measurements):
            step, value = measurement.step, measurement.values.get(name)
            if step is None or value is None or step in reported:
                continue
            if not self._is_affordable():
                return
            self._timed(lambda step=step, value=value: self._trial.report(value, step))

    def _timed(self, write: Callable[[], None]) -> None:
        began = self._clock()
        write()
        self._cost = self._clock() - began
        self._writing += self._cost
