"""Cheap objectives: what is known of a network, or soon can be, before it is chosen for training.

A *free* objective costs no time (a formula): it is computed for every candidate, and not stored. A
*measured* one takes seconds: it is measured for the short list, and stored (``measuring.py``).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from optuna import Study
from torch import Tensor

from bonas.evaluation import Candidate, Evaluator, Objective, Stages, measured, oriented
from bonas.evaluation.declared import declared_cost, declared_objectives
from bonas.spaces import Architecture, Space
from bonas.studies.architecture_measurements import ArchitectureMeasurements
from bonas.studies.proposing.candidates import Keys
from bonas.studies.proposing.measuring import Measuring
from bonas.studies.proposing.point import Point
from bonas.threads import limited_threads

_REMEMBERED = 200_000  # architectures whose free objectives are kept
_LEARNT = 128  # measured points that a model learns from, the latest: each costs time at every ask
_POOL = 1_000  # points, of which the latest are kept: those of an enumerated space
_MOST_FAIL = 0.5  # share without a value from which on the measuring seems to be at fault

Array = npt.NDArray[np.float64]

_logger = logging.getLogger(__name__)


class CheapObjectives:
    """The values of cheap objectives, and how more of them are measured.

    Args:
        study: Holds what was measured.
        space: The space of the architectures, without numeric parameters.
        objectives: All ``m`` of the search.
        evaluators: The cheap ones, see ``Stages.cheap``.
        share: Of the wall time that measurements may take; None sets no bound.
    """

    def __init__(
        self,
        study: Study,
        space: Space,
        objectives: Sequence[Objective],
        evaluators: Sequence[Evaluator],
        share: float | None,
    ) -> None:
        self._study, self._objectives = study, tuple(objectives)
        self._pool: tuple[Sequence[Point], Mapping[str, Sequence[int]]] | None = None
        self._free = _FreeObjectives(space, [e for e in evaluators if declared_cost(e) == 0])
        measured = [each for each in evaluators if declared_cost(each) > 0]
        self._measuring = _measuring(study, space, measured, share) if measured else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the objectives, the free ones first."""
        return (*self._free.names, *self._measured_names)

    @cached_property
    def columns(self) -> Tensor:
        """Which of the ``m`` objectives are cheap."""
        return torch.tensor([objective.name in self.names for objective in self._objectives])

    def is_of(self, study: Study, objectives: Sequence[Objective]) -> bool:
        """Return whether these are the cheap ones of these objectives of a study."""
        return study is self._study and tuple(objectives) == self._objectives

    def refresh(self) -> None:
        """Read what was measured since the latest call."""
        if self._measuring is not None:
            self._measuring.known.refresh()

    def values(self, points: Sequence[Point]) -> Tensor:
        """Return what is known of ``n`` points, ``n x m``, oriented; NaN for all else."""
        rows, table = self._rows_of(points), np.full((len(points), len(self._objectives)), math.nan)
        free = self._free.values(points)
        for j, goal in enumerate(self._objectives):
            if goal.name in self._free.names:
                table[:, j] = free[:, self._free.names.index(goal.name)]
            for architecture, value in self._measured(goal.name):
                for row in rows.get(architecture.key, ()):
                    table[row, j] = value
        return torch.from_numpy(oriented(table, [goal.direction for goal in self._objectives]))

    def have_none(self, points: Sequence[Point]) -> Tensor:
        """Return which of ``n`` points are known to have no value of a measured objective.

        Their evaluation would fail. None of them where most measurements fail: that is no fault of
        the networks.
        """
        found = torch.zeros(len(points), dtype=torch.bool)
        for name in self._measured_names:
            measured = self._measured(name)
            failed = [each.key for each, value in measured if math.isnan(value)]
            if failed and len(failed) <= _MOST_FAIL * len(measured):
                rows = self._rows_of(points)
                found[[row for key in failed for row in rows.get(key, ())]] = True
        return found

    def learnt(self, index: int, excluded: Keys) -> Mapping[int, tuple[list[Point], Tensor]]:
        """Return what a model for the proposal ``index`` learns from beside trials.

        The number of an objective -> points that were measured for earlier proposals, the latest,
        and their oriented values. Not those with ``excluded`` keys, which are trials.
        """
        found = {}
        for j, goal in enumerate(self._objectives if self._measuring is not None else ()):
            measured = self._measured(goal.name, index)
            pairs = [(Point(each, {}), value) for each, value in measured if math.isfinite(value)]
            pairs = [(point, value) for point, value in pairs if point.key not in excluded]
            if pairs:
                points, values = zip(*pairs[-_LEARNT:], strict=True)
                oriented_values = oriented(values, [goal.direction])
                found[j] = list(points), torch.from_numpy(oriented_values).squeeze(1)
        return found

    def measure(self, points: Sequence[Point], index: int) -> int:
        """Measure those of the points that are not known, for the proposal ``index``.

        What was measured is stored; return of how many.
        """
        if self._measuring is None:
            return 0
        return self._measuring.measure([_architecture_of(point) for point in points], index)

    def are_known(self, points: Sequence[Point]) -> bool:
        """Return whether all points were measured."""
        measuring = self._measuring
        return measuring is None or all(
            measuring.is_known(_architecture_of(point)) for point in points
        )

    def stored(self, architecture: Architecture) -> Mapping[str, float]:
        """Return what one measurement of an architecture gave; empty without a complete one."""
        measuring = self._measuring
        if measuring is None:
            return {}
        found = measuring.known.measured_with(architecture, measuring.names[0])
        complete = all(math.isfinite(found.get(name, math.nan)) for name in measuring.names)
        return found if complete else {}

    def _measured(
        self, name: str, before: int | None = None
    ) -> Sequence[tuple[Architecture, float]]:
        if self._measuring is None or name not in self._measuring.names:
            return ()
        return self._measuring.known.having(name, before)

    def _rows_of(self, points: Sequence[Point]) -> Mapping[str, Sequence[int]]:
        """Return the key of an architecture -> its rows among the points; a pool's are kept."""
        if self._pool is not None and self._pool[0] is points:
            return self._pool[1]
        rows: dict[str, list[int]] = {}
        for row, point in enumerate(points):
            rows.setdefault(_architecture_of(point).key, []).append(row)
        if len(points) > _POOL:
            self._pool = points, rows
        return rows

    @property
    def _measured_names(self) -> tuple[str, ...]:
        return () if self._measuring is None else self._measuring.names


class _FreeObjectives:
    """Objectives that are computed by formula, and remembered by architecture."""

    def __init__(self, space: Space, evaluators: Sequence[Evaluator]) -> None:
        self._space, self._evaluators = space, evaluators
        self.names = tuple(o.name for each in evaluators for o in declared_objectives(each))
        self._known: dict[str, list[float]] = {}
        self._pool: tuple[Sequence[Point], Array] | None = None
        self._has_warned = False

    def values(self, points: Sequence[Point]) -> Array:
        """Return ``n x names`` values; NaN where the formula fails."""
        if not self.names:
            return np.empty((len(points), 0))
        if self._pool is not None and self._pool[0] is points:
            return self._pool[1]
        found = np.array([self._of(_architecture_of(p)) for p in points], np.float64)
        found = found.reshape(len(points), len(self.names))
        if len(points) > _POOL:
            self._pool = points, found
        return found

    def _of(self, architecture: Architecture) -> list[float]:
        found = self._known.get(architecture.key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[architecture.key] = self._computed(architecture)
        return found

    def _computed(self, architecture: Architecture) -> list[float]:
        values: dict[str, float] = {}
        candidate = Candidate.without_trial(self._space, architecture.choices)
        try:
            for each in self._evaluators:
                given: object = each(candidate)
                if not isinstance(given, Mapping):
                    given = measured(each, candidate, declared_objectives(each))
                values |= {name: float(given[name]) for name in self.names if name in given}
        except Exception as error:
            self._warn(architecture, error)
        found = [values.get(name, math.nan) for name in self.names]
        return [value if math.isfinite(value) else math.nan for value in found]

    def _warn(self, architecture: Architecture, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "%s of %s could not be computed, and perhaps of others; the model is believed "
                "there: %s: %s",
                " and ".join(map(repr, self.names)),
                dict(architecture.choices),
                type(error).__name__,
                error,
            )


def _measuring(
    study: Study, space: Space, evaluators: Sequence[Evaluator], share: float | None
) -> Measuring:
    """Return what measures an architecture by evaluators, with the threads of this moment."""
    stages, threads = Stages(evaluators), torch.get_num_threads()

    def measure(architecture: Architecture) -> Mapping[str, float]:
        with limited_threads(threads):
            return stages(Candidate.without_trial(space, architecture.choices))

    names = [objective.name for objective in stages.objectives]
    known = ArchitectureMeasurements(study, space)
    seconds = sum(map(declared_cost, evaluators))
    return Measuring(known, names, measure, share=share, seconds=seconds)


def _architecture_of(point: Point) -> Architecture:
    """Return the architecture of a point of a search with a space."""
    assert point.architecture is not None
    return point.architecture
