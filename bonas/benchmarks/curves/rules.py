"""What stopping rules save and lose: on the same cells, and within the same epochs.

*Early stopping*: random cells in order, with and without the rule. The hypervolume lost is that of
the finished trainings against that of all of them, in percent; both in the scale of the table, with
its worst corner as reference point.

*Equal budget*: random cells until the epochs are used. The gap is the share of the table's
hypervolume that the finished trainings lack, in percent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from bonas.benchmarks.curves.recorded import RecordedCurves
from bonas.benchmarks.curves.replay import replay
from bonas.studies.stopping.calibration import Calibration
from bonas.studies.stopping.rule import StoppingRule

Rules = Mapping[str, StoppingRule | None]
"""A name -> a rule; None stops nothing."""


@dataclass(frozen=True)
class Saving:
    """What a rule saves and loses on one sequence of cells.

    Attributes:
        rule: Its name.
        seed: Of the sequence.
        epochs: Spent, in percent of training all cells to the end.
        lost: Hypervolume lost, in percent.
        best: How much the best finished accuracy is below the best of all, in points.
        calibration: Of the rule's forecasts, if it makes any.
    """

    rule: str
    seed: int
    epochs: float
    lost: float
    best: float
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Gap:
    """The gap (%) that random cells leave after so many epochs, by the number of epochs."""

    rule: str
    seed: int
    workers: int
    after: Mapping[int, float] = field(default_factory=dict)


def early_stopping(
    curves: RecordedCurves,
    rules: Rules,
    seeds: Sequence[int],
    cells: int = 100,
    best: float = 1.0,
) -> Iterator[Saving]:
    """Replay ``cells`` random cells under each rule, once per seed.

    ``best`` is the share of the table from which cells are drawn: 0.3 for those of the best 30 % by
    final accuracy, as a good search proposes them.
    """
    accuracy = curves.truth[:, 0]
    pool = np.flatnonzero(accuracy >= np.quantile(accuracy, 1 - best))
    for (name, rule), seed in product(rules.items(), seeds):
        rows = np.random.default_rng(seed).permutation(pool)[:cells].tolist()
        run = replay(curves, rows, rule, seed=seed)
        found, every = run.values(curves), curves.truth[rows]
        kept = curves.hypervolume(found) / curves.hypervolume(every) if len(found) else 0.0
        top = found[:, 0].max() if len(found) else -math.inf
        yield Saving(
            name,
            seed,
            100 * run.spent / (curves.epochs * cells),
            100 * (1 - kept),
            float(every[:, 0].max() - top),
            Calibration.of(run.study),
        )


def equal_budget(
    curves: RecordedCurves,
    rules: Rules,
    seeds: Sequence[int],
    workers: Sequence[int] = (1, 8),
    checkpoints: Sequence[int] = (2000, 5000),
) -> Iterator[Gap]:
    """Replay random cells under each rule until the last checkpoint's epochs are used."""
    for (name, rule), number, seed in product(rules.items(), workers, seeds):
        rows = np.random.default_rng(seed).permutation(len(curves.rows)).tolist()
        run = replay(curves, rows, rule, workers=number, budget=max(checkpoints), seed=seed)
        gaps = {at: 100 * curves.gap(run.values(curves, at)) for at in checkpoints}
        yield Gap(name, seed, number, gaps)
