"""Replay: recorded trainings, one after the other or by several workers, under a stopping rule.

The trainings are evaluated as a worker of a search does it: the rule is called with a study, a
candidate and its record, its decisions and the curves are stored in the study's trials, and a
training that is stopped is a pruned trial. Only time is simulated: an epoch takes the seconds that
were recorded, and the worker whose next epoch ends first is the next to go on. A study in memory
holds the trials.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count, islice

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from bonas.benchmarks.curves.recorded import Array, CurveLookup, RecordedCurves
from bonas.evaluation import Candidate
from bonas.evaluation.evaluator import recorded
from bonas.evaluation.record import Record
from bonas.optuna_internals import create_trial, live
from bonas.studies.lineage.description import set_names
from bonas.studies.records import SEED
from bonas.studies.running import trials
from bonas.studies.running.early_stopping import EarlyStopping, StoppedEarly
from bonas.studies.running.measurement_log import MeasurementLog
from bonas.studies.stopping.rule import StoppingRule


@dataclass(frozen=True)
class Replay:
    """What became of the trainings.

    Attributes:
        study: With all trials, their curves and decisions.
        rows: The row of each trial in the table.
        epochs: How many epochs had been spent, by all workers, when each finished training ended.
        finished: The row of each finished training, in the order of ``epochs``.
        spent: The epochs that were spent in all.
    """

    study: optuna.Study
    rows: list[int] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    spent: int = 0

    def values(self, curves: RecordedCurves, until: float = np.inf) -> Array:
        """Return the final values, ``n x 2``, of what was finished within so many epochs."""
        ended = [row for row, at in zip(self.finished, self.epochs, strict=True) if at <= until]
        found: Array = curves.truth[ended]
        return found


def replay(
    curves: RecordedCurves,
    rows: Iterable[int],
    rule: StoppingRule | None,
    *,
    workers: int = 1,
    budget: float = np.inf,
    seed: int = 0,
) -> Replay:
    """Train the cells of ``rows`` until there are no more, or the budget is used.

    Args:
        curves: The recorded trainings.
        rows: Which rows of the table to train, in order.
        rule: What may stop a training; None stops none.
        workers: How many train at once.
        budget: Epochs of all workers together, after which nothing goes on.
        seed: Of the study: it decides which trainings are left unstopped.
    """
    study = optuna.create_study(directions=[o.direction for o in curves.objectives])
    set_names(study, [objective.name for objective in curves.objectives])
    SEED.write(study, seed)
    run, left, spent = Replay(study), iter(rows), 0
    queue: list[tuple[float, int, _Training]] = []  # by the time at which the next epoch ends
    for row in islice(left, workers):
        _begin(run, curves, row, rule, 0.0, queue)
    while queue and spent < budget:
        now, number, training = heapq.heappop(queue)
        spent += 1
        if training.go_on():
            heapq.heappush(queue, (now + training.epoch_seconds, number, training))
            continue
        if training.is_finished:
            run.epochs.append(spent)
            run.finished.append(training.row)
        row = next(left, -1)
        if row >= 0:
            _begin(run, curves, row, rule, now, queue)
    for _, _, training in queue:
        training.close()
    return Replay(run.study, run.rows, run.epochs, run.finished, spent)


def _begin(
    run: Replay,
    curves: RecordedCurves,
    row: int,
    rule: StoppingRule | None,
    now: float,
    queue: list[tuple[float, int, _Training]],
) -> None:
    training = _Training(run.study, curves, row, rule)
    run.rows.append(row)
    heapq.heappush(queue, (now + training.epoch_seconds, training.number, training))


def _ticks() -> Callable[[], float]:
    """Return a clock by which a write is dear, so that curves are stored with decisions alone."""
    ticks = count()
    return lambda: float(next(ticks))


class _Training:
    """One training under way, in a running trial of the study."""

    def __init__(
        self, study: optuna.Study, curves: RecordedCurves, row: int, rule: StoppingRule | None
    ) -> None:
        self.study, self.row, self.is_finished = study, row, False
        self.epoch_seconds = float(curves.epoch_seconds[row])
        choices = dict(zip(curves.space.parameters, curves.rows[row], strict=True))
        distributions: dict[str, BaseDistribution] = {**curves.space.distributions}
        running = optuna.create_trial(
            state=TrialState.RUNNING, params=choices, distributions=distributions
        )
        self.trial = live(study, create_trial(study, running))
        self.number = self.trial.number
        candidate = Candidate.of(curves.space, self.trial)
        self.record = Record([objective.name for objective in curves.objectives])
        self.log = MeasurementLog(study, self.trial, self.record, clock=_ticks())
        self.early = EarlyStopping(rule, study, candidate, self.record)
        self._stream = self._decided(CurveLookup(curves), candidate)

    def go_on(self) -> bool:
        """Train one epoch; return False if it was the last one."""
        try:
            for _ in self._stream:
                latest = self.record.measurements[-1]
                if latest.step is not None and latest.fidelity != 1:
                    return True
        except StoppedEarly as stopped:
            attributes, values = self.log.attributes({}), self.record.values
            trials.prune(self.study, self.trial, stopped, values, attributes, stopped.decision)
            return False
        values, names = self.record.result(), self.record.names
        trials.complete(self.study, self.trial, values, names, self.log.curves())
        self.is_finished = True
        return False

    def close(self) -> None:
        """End it where it is; its trial stays a running one."""
        self._stream.close()

    def _decided(self, evaluate: CurveLookup, candidate: Candidate) -> Generator[None]:
        """Yield after each measurement that the rule has seen.

        Raises:
            StoppedEarly: if the rule stops it.
        """
        with closing(recorded(evaluate.measurements, candidate, self.record)) as stream:
            for _ in stream:
                decision = self.early.decision()
                self.log.note(decision)
                if decision is not None and decision.stops and not self.record.is_complete:
                    raise StoppedEarly(decision)
                yield
