"""Recorded curves: a table whose evaluations are trainings that can be stopped.

The cells of SpikeNAS-Bench that were trained for 100 epochs; the others were trained for 200, of
which 100 are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.folder import RecordedCells, Source
from bonas.benchmarks.tables.spikenas_bench import OPERATIONS
from bonas.benchmarks.tables.table import Table
from bonas.evaluation import ACCURACY, Candidate, Measurement, Objective
from bonas.evaluation.evaluator import StreamingEvaluator
from bonas.evaluation.record import TRAINING

Array = npt.NDArray[np.float64]

PARAMETERS = Objective("parameters", "minimize")
"""The number of parameters of a network, known before it is trained."""

_SOURCE = Source(
    "spikenas.npz",
    (
        "ops",
        "final_val_acc",
        "params",
        "epochs_run",
        "val_curve_x250",
        "train_curve_x250",
        "train_seconds",
    ),
    "the trainings of tju-sun-lab/SpikeNAS-Bench (its data/CIFAR10/*/train_process.txt)",
)
_EPOCHS = 100
_SCALE = 250.0  # recorded values per percent


class RecordedCurves(Table):
    """The trainings of SpikeNAS-Bench: validation accuracy (%) at the end, and parameters.

    Args:
        folder: The folder with ``spikenas.npz``.

    Attributes:
        validation: Accuracies (%) on the validation rows after each epoch, ``n x 100``.
        training: Those on the training rows.
        epoch_seconds: The seconds of one epoch of each of the ``n`` trainings.

    Raises:
        MissingData: if the file is not there.
    """

    validation: Array
    training: Array
    epoch_seconds: Array

    def __init__(self, folder: str | PathLike[str]) -> None:
        data = _SOURCE.read(folder)
        whole = data["epochs_run"] == _EPOCHS
        names = np.array(OPERATIONS, object)
        truth = np.stack([data["final_val_acc"], data["params"]], axis=1).astype(np.float64)
        super().__init__(
            "spikenas-curves",
            RecordedCells(OPERATIONS),
            (ACCURACY, PARAMETERS),
            list(map(tuple, names[data["ops"][whole]].tolist())),
            truth[whole],
        )
        seconds = data["train_seconds"][whole].astype(np.float64) / _EPOCHS
        object.__setattr__(self, "validation", data["val_curve_x250"][whole] / _SCALE)
        object.__setattr__(self, "training", data["train_curve_x250"][whole] / _SCALE)
        object.__setattr__(self, "epoch_seconds", seconds)

    def evaluator(self, seed: int = 0) -> CurveLookup:
        """Return what yields the recorded trainings; each was recorded once, whatever the seed."""
        return CurveLookup(self)

    @property
    def epochs(self) -> int:
        """The length of each training."""
        return _EPOCHS


@dataclass(frozen=True, slots=True)
class CurveLookup(StreamingEvaluator):
    """An evaluator that yields a recorded training epoch by epoch.

    Parameters come first, then a point of ``accuracy`` and ``train_accuracy`` per epoch, and the
    final accuracy at the end.
    """

    curves: RecordedCurves

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Accuracy (%) and parameters."""
        return self.curves.objectives

    def describe(self) -> dict[str, Any]:
        """Return the table, under the name of each objective."""
        return {objective.name: {"table": self.curves.name} for objective in self.objectives}

    def measurements(self, candidate: Candidate) -> Iterator[Measurement]:
        """Yield the recorded measurements.

        Raises:
            InvalidArgument: if the candidate was not recorded.
        """
        row = self.curves.row(candidate.choices)
        accuracy, parameters = self.curves.truth[row].tolist()
        seconds = float(self.curves.epoch_seconds[row])
        yield Measurement({PARAMETERS.name: parameters}, seconds=0.0)
        points = zip(self.curves.validation[row], self.curves.training[row], strict=True)
        for epoch, (validation, training) in enumerate(points, start=1):
            yield Measurement(
                {ACCURACY.name: float(validation), TRAINING + ACCURACY.name: float(training)},
                step=epoch,
                seconds=epoch * seconds,
                fidelity=epoch / self.curves.epochs,
            )
        yield Measurement({ACCURACY.name: accuracy}, seconds=self.curves.epochs * seconds)
