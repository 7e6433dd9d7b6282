"""Measuring architectures that are no trial, while a proposal is made: bounded, and never twice.

    seconds of all measurements <= allowance + share * seconds of all finished trials

Both sides are read from the storage, so that every process decides alike how much may be measured.
A trial's seconds include those in which its proposal was made, so ``share`` is one of the wall time
(of each worker).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.trial import TrialState

from bonas.arguments import check_range
from bonas.errors import BonasError, DeviceUnavailable, EvaluationFailed
from bonas.spaces import Architecture
from bonas.studies.architecture_measurements import (
    ArchitectureMeasurement,
    ArchitectureMeasurements,
)
from bonas.studies.budget import seconds_of
from bonas.studies.outcomes import is_known

Measure = Callable[[Architecture], Mapping[str, float]]
"""An architecture -> a name -> what was measured; a value that is not finite counts as none."""

_logger = logging.getLogger(__name__)


class Measuring:
    """Measures architectures of which a study does not know ``names`` yet, and stores the results.

    An architecture that raises an error, or lacks a finite value of one of the names, is stored as
    having none, and not measured again.

    Args:
        known: What the study holds; shared by all who read or measure architectures of it.
        names: What is measured, at least one; ``measure`` may return more, which is stored, too.
        measure: Measures one architecture.
        share: Of the seconds of finished trials that measurements may take, at least 0; None sets
            no bound.
        allowance: Seconds that they may take anyway.
        seconds: How long one is expected to take, before any was measured.

    Raises:
        InvalidArgument: if ``share``, ``allowance`` or ``seconds`` is negative or NaN.
    """

    def __init__(
        self,
        known: ArchitectureMeasurements,
        names: Sequence[str],
        measure: Measure,
        *,
        share: float | None = 0.05,
        allowance: float = 1.0,
        seconds: float = 0.0,
    ) -> None:
        if share is not None:
            check_range("share", share, 0.0, math.inf)
        check_range("allowance", allowance, 0.0, math.inf)
        check_range("seconds", seconds, 0.0, math.inf)
        self.known, self.names = known, tuple(names)
        self._measure, self._share = measure, share
        self._allowance, self._expected = allowance, seconds
        self._has_warned = False

    def is_known(self, architecture: Architecture) -> bool:
        """Return whether the study knows all names of an architecture, or that it has no value."""
        return self.known.of(architecture).keys() >= set(self.names)

    def values(self, architectures: Iterable[Architecture]) -> npt.NDArray[np.float64]:
        """Return what is known of ``n`` architectures, ``n x names``; NaN where nothing is."""
        rows = [self.known.of(architecture) for architecture in architectures]
        found = [[row.get(name, math.nan) for name in self.names] for row in rows]
        return np.array(found, np.float64).reshape(len(rows), len(self.names))

    def measure(self, architectures: Sequence[Architecture], index: int | None = None) -> int:
        """Measure those of the architectures that are not known, in order; return how many.

        They are fewer where the time is up. What was measured is stored at the end in one write,
        also if this is interrupted. ``index`` is that of the proposal that they are measured for.

        Raises:
            DeviceUnavailable: if they are measured on a device that is away.
        """
        self.known.refresh()
        new = {a.key: a for a in architectures if not self.is_known(a)}
        left = self.seconds_left() if new else 0.0
        made: list[ArchitectureMeasurement] = []
        spent, each = 0.0, self._seconds_each()
        try:
            for architecture in new.values():
                if spent + each > left:
                    break
                made.append(self._measured(architecture, index))
                spent += made[-1].seconds
                each = max(each, spent / len(made))
        finally:
            if made:
                self.known.add(made)
        return len(made)

    def seconds_left(self) -> float:
        """Return how long measurements may still take; less than 0 if they took too long."""
        if self._share is None:
            return math.inf
        allowed = self._allowance + self._share * seconds_of_trials(self.known.study)
        return allowed - self.known.seconds(self.names[0])

    def _seconds_each(self) -> float:
        """Return how long a measurement takes: the mean of those so far."""
        n = len(self.known.having(self.names[0]))
        return self.known.seconds(self.names[0]) / n if n else self._expected

    def _measured(self, architecture: Architecture, index: int | None) -> ArchitectureMeasurement:
        began, values = time.perf_counter(), dict.fromkeys(self.names, math.nan)
        try:
            values |= self._measure(architecture)
        except DeviceUnavailable:
            raise  # it is not the architecture's fault
        except Exception as error:
            if isinstance(error, EvaluationFailed):
                values |= error.values
            self._warn(architecture, error)
        seconds = time.perf_counter() - began
        return ArchitectureMeasurement(architecture.choices, values, seconds, index)

    def _warn(self, architecture: Architecture, error: Exception) -> None:
        """Log once that an architecture could not be measured."""
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "%s of %s could not be measured before a network is chosen, and perhaps of others; "
                "the model is believed there: %s: %s",
                " and ".join(map(repr, self.names)),
                dict(architecture.choices),
                type(error).__name__,
                error,
                exc_info=None if isinstance(error, BonasError) else error,
            )


def seconds_of_trials(study: Study) -> float:
    """Return how long the finished trials of a study took together, by any worker.

    What was known before the search took no time of it.
    """
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    finished = study.get_trials(deepcopy=False, states=states)
    return sum(seconds_of(trial) for trial in finished if not is_known(trial))
