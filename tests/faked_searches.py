"""Studies as a search would have left them, made in moments: with times, curves, predictions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation import Measurement
from bonas.evaluation.curve import packed
from bonas.studies.lineage.description import set_names
from bonas.studies.records import ERROR, PREDICTION, STOPPED_EARLY, WORKER

BEGAN = datetime(2026, 1, 1)
OPTIONS = {f"edge_{i}": CategoricalDistribution(["none", "skip", "conv", "pool"]) for i in range(5)}
GAINS = {"none": -3.0, "skip": 0.0, "conv": 2.0, "pool": 1.0}
"""What an option of ``edge_0`` adds to the accuracy; half of it for ``edge_1``, nothing else."""
NAMES = ["accuracy", "latency", "size", "energy", "memory"]


def faked_search(
    n: int,
    m: int = 2,
    seed: int = 0,
    *,
    workers: int = 3,
    failed: float = 0.08,
    stopped: float = 0.12,
    too_sure: float = 1.0,
    epochs: int = 6,
) -> optuna.Study:
    """Return a study of ``n`` ended trials and ``m`` objectives.

    Predictions are right if ``too_sure`` is 1: the errors are that many standard deviations.
    """
    ways = ["maximize", *["minimize"] * (m - 1)]
    study = optuna.create_study(directions=ways, study_name="faked")
    set_names(study, NAMES[:m])
    rng, free, trials = np.random.default_rng(seed), [0.0] * workers, []
    for number in range(n):
        row = int(np.argmin(free))
        start, took = free[row] + rng.exponential(1.0), float(rng.lognormal(3.0, 0.4))
        free[row] = start + took
        fate = rng.random()
        state = TrialState.COMPLETE
        if fate < failed:
            state = TrialState.FAIL
        elif fate < failed + stopped:
            state = TrialState.PRUNED
        trials.append(_trial(rng, number, m, state, row, (start, took), too_sure, epochs))
    study.add_trials(trials)
    return study


def _trial(
    rng: np.random.Generator,
    number: int,
    m: int,
    state: TrialState,
    row: int,
    times: tuple[float, float],
    too_sure: float,
    epochs: int,
) -> FrozenTrial:
    params = {name: str(rng.choice(each.choices)) for name, each in OPTIONS.items()}
    gain = GAINS[params["edge_0"]] + 0.5 * GAINS[params["edge_1"]]
    values = [85 + gain + 0.3 * rng.standard_normal()]
    values += [float(np.exp(1 + 0.3 * gain + 0.5 * rng.standard_normal())) for _ in range(m - 1)]
    sds = [0.5 + 0.5 * rng.random() for _ in values]
    means = [v + too_sure * sd * rng.standard_normal() for v, sd in zip(values, sds, strict=True)]
    start, took = times
    is_whole = state == TrialState.COMPLETE
    done = epochs if is_whole else max(epochs // 2, 1)
    measured = [Measurement({"latency": values[-1]}, seconds=0.1 * took)] if m > 1 else []
    measured += [
        Measurement(
            {"accuracy": values[0] - 30 * 0.5**epoch, "train_loss": 2.0 / epoch},
            epoch,
            seconds=took * (0.1 + 0.8 * epoch / epochs),
            fidelity=epoch / epochs,
        )
        for epoch in range(1, done + 1)
    ]
    if is_whole:
        measured.append(Measurement({"accuracy": values[0]}, seconds=0.92 * took))
    weight = 0.5 + 0.4 * np.tanh(number / 30)
    system: dict[str, Any] = packed(measured)
    if number >= 10:
        weights = [[weight, 1 - weight]] * m
        system |= PREDICTION.holding({"mean": means, "sd": sds, "weights": weights})
    user: dict[str, Any] = WORKER.holding({"name": f"worker-{row}", "host": "here", "pid": row})
    if state == TrialState.FAIL:
        user |= ERROR.holding("Traceback:\nRuntimeError: out of memory")
    if state == TrialState.PRUNED:
        user |= STOPPED_EARLY.holding({"reason": "behind", "step": done, "fidelity": 0.5})
    trial = create_trial(
        state=state,
        values=values if is_whole else None,
        params=params,
        distributions=dict(OPTIONS),
        user_attrs=user,
        system_attrs=system,
    )
    trial.datetime_start = BEGAN + timedelta(seconds=start)
    trial.datetime_complete = BEGAN + timedelta(seconds=start + took)
    return trial
