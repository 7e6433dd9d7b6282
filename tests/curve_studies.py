"""Studies whose trials have learning curves, for the tests of rules that read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.trial import TrialState

from bonas.evaluation import Candidate, Measurement
from bonas.evaluation.curve import packed
from bonas.evaluation.record import Record
from bonas.optuna_internals import create_trial, live
from bonas.spaces import CellSpace
from bonas.studies.lineage.description import set_names

SPACE = CellSpace(nodes=3, operations=("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"))
EPOCHS = 20


def accuracies(end: float) -> list[float]:
    """Return a curve that ends near ``end``, known from its first points."""
    return [end * (1 - 0.5 ** (1 + epoch / 4)) for epoch in range(1, EPOCHS + 1)]


def points(end: float, epochs: int = EPOCHS, length: int = EPOCHS) -> list[Measurement]:
    """Return the first measurements of a training of ``length`` epochs."""
    return [
        Measurement(
            {"accuracy": value, "train_accuracy": value - 2.0}, epoch, fidelity=epoch / length
        )
        for epoch, value in enumerate(accuracies(end)[:epochs], start=1)
    ]


def study_of(
    ends: Sequence[float],
    sizes: Sequence[float] | None = None,
    length: int = EPOCHS,
) -> optuna.Study:
    """Return a study of finished trainings, with an objective ``size`` if there are ``sizes``."""
    ways = ["maximize"] if sizes is None else ["maximize", "minimize"]
    study = optuna.create_study(directions=ways)
    set_names(study, ["accuracy", "size"][: len(ways)])
    rng = np.random.default_rng(0)
    for number, end in enumerate(ends):
        values = [end] if sizes is None else [end, sizes[number]]
        study.add_trial(
            optuna.create_trial(
                params=dict(SPACE.sample(rng)),
                distributions=dict(SPACE.distributions),
                values=values,
                system_attrs=packed(points(end, length=length)),
            )
        )
    return study


def running(
    study: optuna.Study,
    measured: Sequence[Measurement],
    known: Mapping[str, float] | None = None,
) -> tuple[Candidate, Record]:
    """Begin a trial in a study that has measured so much; return its candidate and record."""
    trial = create_trial(
        study,
        optuna.create_trial(
            state=TrialState.RUNNING,
            params=dict(SPACE.sample(np.random.default_rng(99))),
            distributions=dict(SPACE.distributions),
        ),
    )
    record = Record(study.metric_names or ["accuracy"])
    if known:
        record.add(Measurement(known))
    for measurement in measured:
        record.add(measurement)
    return Candidate.of(SPACE, live(study, trial)), record
