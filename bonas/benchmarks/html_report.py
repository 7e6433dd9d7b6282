"""How long the report of a search takes, and how large it is.

A study of cells of NAS-Bench-201 with two objectives is made up: values that follow from the costs,
learning curves of eight points, predictions from the tenth trial on, one failure in fifty. It is
stored in a journal, opened anew, and read as ``bonas report`` reads it.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.arguments import check_count
from bonas.evaluation import ACCURACY, LATENCY, Measurement
from bonas.evaluation.curve import packed
from bonas.report.stored import stored_report
from bonas.spaces import NASBench201
from bonas.studies.budget import Budget
from bonas.studies.lineage.description import make_description, store_description
from bonas.studies.records import ERROR, FAILURE, PREDICTION
from bonas.studies.storages.opening import open_storage

_EPOCHS = 8
_FAILED = 50  # of so many trials, one
_FIRST_PREDICTED = 10
_OBJECTIVES = (ACCURACY, LATENCY)


@dataclass(frozen=True, slots=True)
class ReportCost:
    """What one report took.

    Attributes:
        trials: Of the study.
        read: Seconds to open the storage, read the study and make all sections.
        written: Seconds to write the page, in addition.
        bytes: Of the file.
    """

    trials: int
    read: float
    written: float
    bytes: int


def report_costs(sizes: Sequence[int], seed: int = 0) -> list[ReportCost]:
    """Return what the reports of studies of so many trials take.

    Raises:
        InvalidArgument: for a size that is not a whole number of at least 1.
    """
    with tempfile.TemporaryDirectory() as folder:
        _measured(Path(folder), 2, seed)  # imports, and caches of the first use
        return [_measured(Path(folder), check_count("trials", n), seed) for n in sizes]


def report_cost_table(costs: Sequence[ReportCost]) -> str:
    """Return one line per report."""
    lines = [f"{'trials':>8}{'seconds':>10}{'kB':>9}"]
    lines += [f"{c.trials:8,}{c.read + c.written:10.2f}{c.bytes / 1000:9,.0f}" for c in costs]
    return "\n".join(lines)


def _measured(folder: Path, n: int, seed: int) -> ReportCost:
    path = folder / f"study-{n}.log"
    _write_study(path, n, seed)
    start = time.perf_counter()
    made = stored_report(path)
    read = time.perf_counter()
    file = made.save(folder / "report.html")
    end = time.perf_counter()
    return ReportCost(n, read - start, end - read, file.stat().st_size)


def _write_study(path: Path, n: int, seed: int) -> None:
    """Store a study of ``n`` trials."""
    space, rng = NASBench201(channels=8, cells=1), np.random.default_rng(seed)
    directions = [objective.direction for objective in _OBJECTIVES]
    study = optuna.create_study(
        storage=open_storage(path), study_name="bonas", directions=directions
    )
    store_description(study, make_description(space.describe(), _OBJECTIVES))
    Budget(float(n)).write(study)
    began = datetime(2026, 1, 1)
    for number in range(n):
        study.add_trial(_trial(space, number, began + timedelta(minutes=number), rng))


def _trial(
    space: NASBench201, number: int, began: datetime, rng: np.random.Generator
) -> FrozenTrial:
    choices = space.sample(rng)
    costs = space.costs(choices)
    accuracy = 55.0 + 5.0 * math.log10(1.0 + costs["parameters"]) + float(rng.normal())
    latency = 0.5 + costs["multiply_adds"] / 4e6 + 0.05 * float(rng.random())
    given: dict[str, Any] = {
        "params": dict(choices),
        "distributions": {name: space.distributions[name] for name in choices},
    }
    if number % _FAILED == _FAILED - 1:
        text = "Traceback (most recent call last):\n  ...\nRuntimeError: CUDA out of memory"
        failure = FAILURE.holding({"kind": "out_of_memory", "phase": "training"})
        made = create_trial(
            state=TrialState.FAIL, system_attrs={**ERROR.holding(text), **failure}, **given
        )
    else:
        system: dict[str, Any] = dict(packed(_curve(accuracy, latency)))
        if number >= _FIRST_PREDICTED:
            mean = [accuracy + float(rng.normal()), latency * float(rng.uniform(0.9, 1.1))]
            weight = float(rng.random())
            weights = [[weight, 1.0 - weight]] * 2
            found = {"mean": mean, "sd": [1.0, 0.1 * latency], "weights": weights}
            system |= {PREDICTION.key: json.dumps(found)}
        made = create_trial(
            values=[accuracy, latency],
            user_attrs={"accuracy_sd": 0.5, "latency_sd": 0.02 * latency},
            system_attrs=system,
            **given,
        )
    made.datetime_start, made.datetime_complete = began, began + timedelta(seconds=50)
    return made


def _curve(accuracy: float, latency: float) -> list[Measurement]:
    epochs = range(1, _EPOCHS + 1)
    shares = [1.0 - math.exp(-0.6 * epoch) for epoch in epochs]
    points = [
        Measurement({"accuracy": accuracy * s, "train_loss": 2.0 - s}, e, 6.0 * e, e / _EPOCHS)
        for e, s in zip(epochs, shares, strict=True)
    ]
    return [*points, Measurement({"accuracy": accuracy, "latency": latency})]
