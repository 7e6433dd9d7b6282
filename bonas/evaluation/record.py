"""Record: everything that one evaluation has measured so far."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache

from bonas.errors import InvalidArgument, ObjectivesMissing
from bonas.evaluation.measurement import Measurement

TRAINING = "train_"
"""Before an objective's name: the name of the curve of its values on the training rows."""

SD = "_sd"
"""After an objective's name: the name of the standard deviation of its value."""

_logger = logging.getLogger(__name__)


class Record:
    """The measurements of one evaluation, in the order in which they came.

    Args:
        names: Those of the objectives.

    Attributes:
        measurements: All of them.
        values: A name -> its value, of the final measurements.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.measurements: list[Measurement] = []
        self.values: dict[str, float] = {}
        self._latest: dict[str, float] = {}  # points of curves
        self._steps: dict[str, int] = {}  # of these

    def add(self, measurement: Measurement) -> None:
        """Take the next measurement, which was checked.

        Raises:
            InvalidArgument: if it measures again what has its final value.
        """
        if measurement.is_final:
            twice = sorted(self.values.keys() & measurement.values.keys())
            if twice:
                raise InvalidArgument(
                    f"expected each value once, got {twice} a second time; give the points of a "
                    "learning curve their step, as in Measurement(values, step=epoch)"
                )
            self.values.update(measurement.values)
        elif measurement.step is not None:
            self._latest.update(measurement.values)
            self._check_order(measurement.step, measurement.values)
        self.measurements.append(measurement)

    def _check_order(self, step: int, names: Iterable[str]) -> None:
        """Log if a curve goes back: it is sorted by its steps, and rules look at rungs once."""
        for name in names:
            if step < self._steps.get(name, 0):
                _log_backwards(name, step, self._steps[name])
            self._steps[name] = step

    @property
    def is_complete(self) -> bool:
        """Whether every objective has its final value."""
        return self.values.keys() >= set(self.names)

    def result(self) -> dict[str, float]:
        """Return the values of an evaluation that has ended.

        An objective without a final value has the last point of its curve, with the standard
        deviation that the evaluation reports of it.

        Raises:
            ObjectivesMissing: if one has neither; the error has the values.
        """
        open_names = [name for name in self.names if name not in self.values]
        reported = {name + end for name in open_names for end in ("", SD)}
        found = {**{n: x for n, x in self._latest.items() if n in reported}, **self.values}
        missing = [name for name in self.names if name not in found]
        if missing:
            error = missing_objectives(self.names, found, missing)
            error.values = found
            raise error
        return found


@lru_cache(maxsize=100)
def _log_backwards(name: str, step: int, before: int) -> None:
    _logger.warning(
        "expected the steps of the curve %r to increase, got %d after %d; of equal steps the "
        "later value counts. Count the steps of one evaluation through, or name the curves apart",
        name,
        step,
        before,
    )


def missing_objectives(
    names: Sequence[str], found: Iterable[object], missing: Sequence[str]
) -> ObjectivesMissing:
    """Return the error for an evaluation that ended without some of its objectives."""
    return ObjectivesMissing(
        f"expected the objectives {list(names)}, got {list(found)} without {list(missing)}; "
        f"return a mapping such as {example(names)}"
    )


def example(names: Sequence[str]) -> str:
    """Return what an evaluation of these objectives could return, as Python text."""
    return "{" + ", ".join(f'"{name}": 1.0' for name in names) + "}"
