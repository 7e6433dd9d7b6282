"""Evaluators: what measures a candidate, read as a stream of measurements.

A function that returns a mapping is a stream of one measurement; a generator function yields as
many as it likes, and can be stopped after any of them.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any, Protocol

from bonas.errors import EvaluationFailed, ObjectivesMissing
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import phase_name
from bonas.evaluation.failure import phase
from bonas.evaluation.measurement import Measurement, good_values
from bonas.evaluation.objective import Objective
from bonas.evaluation.record import Record, example, missing_objectives

_logger = logging.getLogger(__name__)


class Evaluator(Protocol):
    """Anything that can be called with a candidate and says what it measured.

    An evaluator may also declare ``objectives``, which of its measurements are to be optimised;
    ``describe()``, what decides them, as JSON values under the objectives' names; and ``cost``,
    roughly how many seconds it takes (``bonas.evaluation.declared``).
    """

    def __call__(self, candidate: Candidate, /) -> Mapping[str, float] | Iterator[Measurement]:
        """Return a measurement's name -> its value, or yield measurements.

        Every objective is among the names. A mapping may be yielded, too: it is a measurement
        without a step.
        """
        ...


class StreamingEvaluator(ABC):
    """The base of evaluators that are written as a stream, and can be called as a function.

    >>> class Twice(StreamingEvaluator):
    ...     def measurements(self, candidate):
    ...         yield Measurement({"loss": 2.0}, step=1)
    ...         yield Measurement({"loss": 1.0})
    >>> Twice()(None)
    {'loss': 1.0}
    """

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Which of the measurements are to be optimised; none unless a subclass says so."""
        return ()

    def describe(self) -> dict[str, Any]:
        """Return what decides the objectives, as JSON values under their names."""
        return {}

    @abstractmethod
    def measurements(self, candidate: Candidate) -> Iterator[Measurement]:
        """Yield the measurements of one candidate."""

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Run the whole stream and return its final values by their names.

        Raises:
            EvaluationFailed: if the objectives are not among them as finite numbers.
        """
        return measured(self.measurements, candidate, self.objectives)


def measured(
    evaluate: Evaluator, candidate: Candidate, objectives: Sequence[Objective]
) -> dict[str, float]:
    """Run an evaluation to its end; return the objectives and all else, as finite floats.

    Raises:
        ObjectivesMissing: if an objective is missing or is not a real number.
        EvaluationFailed: if a value is not finite, or another measurement cannot be stored. Either
            error has the values that are good.
    """
    record = Record([objective.name for objective in objectives])
    for _ in recorded(evaluate, candidate, record):
        pass
    return record.result()


def recorded(
    evaluate: Evaluator, candidate: Candidate, record: Record
) -> Generator[Measurement, None, None]:
    """Yield each measurement of an evaluation as soon as ``record`` has it.

    Closing the generator ends the evaluation.

    Raises:
        EvaluationFailed: as ``measured``; the error has what ``record`` has.
    """
    try:
        stream = _checked(evaluate, candidate, record.names)
        with phase(phase_name(evaluate)), closing(stream):
            for measurement in stream:
                record.add(measurement)
                yield measurement
    except EvaluationFailed as error:
        error.values = {**record.values, **error.values}
        raise


def _checked(
    evaluate: Evaluator, candidate: Candidate, names: Sequence[str]
) -> Generator[Measurement, None, None]:
    """Yield measurements of floats, with the seconds since the evaluation began."""
    began = time.perf_counter()
    given = called(evaluate, candidate)
    if isinstance(given, Mapping):
        missing = [name for name in names if name not in given]
        if missing:
            error = missing_objectives(names, given, missing)
            error.values = good_values(given)
            raise error
        yield Measurement(given).checked(names, time.perf_counter() - began)
        return
    if not isinstance(given, Iterator):
        raise ObjectivesMissing(
            "expected the evaluation to return a mapping from names to numbers, got "
            f"{given!r}; return one such as {example(names)}"
        )
    try:
        for item in given:
            yield _as_measurement(item, names).checked(names, time.perf_counter() - began)
    finally:
        if isinstance(given, Generator):
            _close(given, evaluate)


def _close(stream: Generator[object, None, None], evaluate: Evaluator) -> None:
    """End a stream; an error of its end is logged, since what it measured is known by then."""
    try:
        stream.close()
    except Exception as error:
        name = getattr(evaluate, "__qualname__", type(evaluate).__qualname__)
        _log_unended(name, f"{type(error).__name__}: {error}")


@lru_cache(maxsize=100)
def _log_unended(name: str, error: str) -> None:
    _logger.warning(
        "the evaluation %s went on after it was ended (%s); what it measured is kept. Let a "
        "generator end on GeneratorExit, with what it has to release in a finally block",
        name,
        error,
    )


def called(evaluate: Evaluator, candidate: Candidate) -> object:
    """Call an evaluator; the stream of one that has both forms, unless its call was overridden."""
    own = type(evaluate).__call__
    if isinstance(evaluate, StreamingEvaluator) and own is StreamingEvaluator.__call__:
        return evaluate.measurements(candidate)
    return evaluate(candidate)


def _as_measurement(item: object, names: Sequence[str]) -> Measurement:
    if isinstance(item, Measurement):
        return item
    if isinstance(item, Mapping):
        return Measurement(item)
    raise ObjectivesMissing(
        f"expected the evaluation to yield measurements, got {item!r}; "
        f"yield Measurement({example(names)}, step=1), or a mapping at the end"
    )
