"""The forecast rule: stop what will hardly improve the front.

    stop if  P(no point of the front is as good as y in every objective) < threshold

``y`` are the final values of the evaluation: known for what was measured before the training, a
learning-curve model's belief (``surrogates/learning_curve.py``) for what is being trained. If one
objective is unknown, the probability is exact: it has to be above the best value on the front among
points that are as good in all other objectives. With more unknown ones it is a mean over fixed
samples, each objective independent of the others.

On a front of accuracy and size, no network is stopped for one objective alone: the smallest so far
always improves the front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from optuna import Study
from torch import Tensor

from bonas.arguments import check_count, check_range
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import oriented
from bonas.evaluation.record import TRAINING, Record
from bonas.settings import own_settings
from bonas.studies.proposing.front import front_of
from bonas.studies.records import directions
from bonas.studies.stopping.lessons import Lessons
from bonas.studies.stopping.rung_rule import RungRule, Verdict
from bonas.studies.stopping.rungs import Rung
from bonas.surrogates.curve_features import raw_value
from bonas.surrogates.learning_curve import LEAST, LearningCurveModel, fit_learning_curve
from bonas.threads import one_thread

INTERVAL = (0.1, 0.5, 0.9)
"""The levels of the quantiles that a decision stores."""

_SAMPLES = 1024


@dataclass(frozen=True)
class Belief:
    """What is believed of the final value of one objective of one evaluation, oriented.

    Attributes:
        model: The fitted model; None while too few trials have finished, or for a known value.
        features: ``1 x f`` features of its curves so far; empty without a model.
        X: ``1 x d`` encoding; empty without a model.
        value: The final value where it is known, else the raw value, which only ranks.
        is_known: Whether it is the final value.
        examples: The number of finished trials that taught the model.
    """

    model: LearningCurveModel | None
    features: Tensor
    X: Tensor
    value: float
    is_known: bool
    examples: int = 0

    def quantiles(self, levels: Tensor) -> Tensor:
        """Return the quantiles of the final value at ``s`` levels."""
        if self.model is None:
            return torch.full_like(levels, self.value)
        return self.model.quantiles(self.features, self.X, levels)[:, 0]

    def probability_above(self, least: float) -> float:
        """Return the probability that the final value is above ``least``."""
        if self.model is None:
            return float(self.value > least)
        return float(self.model.probability_above(self.features, self.X, least))


@dataclass(frozen=True)
class Forecast(RungRule):
    """Stops a trial whose final values improve the front with a low probability.

    Args:
        threshold: The probability below which a trial is stopped, in (0, 1). The higher, the more
            is stopped.
        least: Finished trials with curves before any is stopped; with fewer than 15 the model's
            probabilities are not to be trusted.
        rungs, unstopped, by_training: As ``RungRule`` takes them.

    Raises:
        InvalidArgument: for an argument out of its range.
    """

    threshold: float = 0.05
    least: int = LEAST
    rungs: Sequence[float] = field(default=(0.1, 0.25, 0.5), kw_only=True)
    name: ClassVar[str] = "forecast"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("threshold", self.threshold, 0.0, 1.0)
        check_count("least", self.least, least=2)

    def verdict(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung, rivals: Sequence[Rung]
    ) -> Verdict:
        """Return whether the candidate will hardly improve the front."""
        beliefs = self.beliefs(study, candidate, record, rung)
        unknown = [belief for belief in beliefs if not belief.is_known]
        fewest = min((belief.examples for belief in unknown), default=0)
        if any(belief.model is None for belief in unknown):
            why = f"{fewest} trials have finished with such curves, {self.least} are needed"
            return Verdict(False, why, {"examples": fewest})
        front = oriented([trial.values for trial in front_of(study)], directions(study))
        with own_settings(), torch.no_grad():
            chance = improvement_probability(beliefs, torch.from_numpy(front))
            forecast = _quantiles(beliefs, record.names, directions(study))
        return Verdict(
            chance < self.threshold,
            f"improves the front with a probability of {chance:.2g} at {rung.at:g}",
            {"probability": chance, "examples": fewest, "forecast": forecast},
        )

    @own_settings()
    def beliefs(
        self, study: Study, candidate: Candidate, record: Record, rung: Rung
    ) -> list[Belief]:
        """Return what is believed of each objective of a candidate at a rung.

        It follows from what the study holds and the candidate's measurements.
        """
        lessons = Lessons.of(study, candidate, record.measurements, record.names, rung)
        known = oriented(rung.values, directions(study))[0]
        return [
            _known(float(known[j])) if curve is None else self._believed(lessons, j, rung)
            for j, curve in enumerate(rung.curves)
        ]

    def _believed(self, lessons: Lessons, j: int, rung: Rung) -> Belief:
        """Fit the model of one objective, or take the raw value where too little is known."""
        nothing = torch.zeros(1, 0, dtype=torch.float64)
        features, X, y = lessons.data(j, self.least)
        if len(y) < self.least or lessons.point is None:
            value = _raw_value(lessons, j, rung)
            return Belief(None, nothing, nothing, value, is_known=False, examples=len(y))
        with one_thread(), torch.no_grad():
            model = fit_learning_curve(features[:-1], X[:-1], y, lessons.layout)
        return Belief(model, features[-1:], X[-1:], 0.0, is_known=False, examples=len(y))


def improvement_probability(beliefs: Sequence[Belief], front: Tensor) -> float:
    """Return the probability that no point of the front is as good in every objective.

    Args:
        beliefs: One per objective.
        front: ``k x m`` oriented values.
    """
    unknown = [j for j, belief in enumerate(beliefs) if not belief.is_known]
    known = [j for j, belief in enumerate(beliefs) if belief.is_known]
    fixed = torch.tensor([beliefs[j].value for j in known], dtype=torch.float64)
    rivals = front[(front[:, known] >= fixed).all(1)]
    if not len(rivals):
        return 1.0
    if not unknown:
        return 0.0
    if len(unknown) == 1:
        return beliefs[unknown[0]].probability_above(float(rivals[:, unknown[0]].max()))
    samples = torch.stack(
        [beliefs[j].quantiles(torch.from_numpy(_levels(j))) for j in unknown], dim=1
    )
    dominated = (rivals[:, unknown].unsqueeze(0) >= samples.unsqueeze(1)).all(2).any(1)
    return 1.0 - float(dominated.double().mean())


def _levels(j: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the fixed levels of the samples of objective j: evenly spread, in random order."""
    return (np.random.default_rng(j).permutation(_SAMPLES) + 0.5) / _SAMPLES


def _known(value: float) -> Belief:
    nothing = torch.zeros(1, 0, dtype=torch.float64)
    return Belief(None, nothing, nothing, value, is_known=True)


def _raw_value(lessons: Lessons, j: int, rung: Rung) -> float:
    """Return what ranks the evaluation among others at the rung, without a model."""
    own, training = lessons.own_curve(j), TRAINING + lessons.names[j]
    trained = lessons.oriented(training, j) if training in lessons.curves else None
    return raw_value(lessons.oriented(own, j), trained, rung.fidelity or 0.0)


def _quantiles(
    beliefs: Sequence[Belief], names: Sequence[str], ways: Sequence[str]
) -> Mapping[str, list[float]]:
    """Return the quantiles of each unknown objective, in its own unit, in the order of levels."""
    levels = torch.tensor(INTERVAL, dtype=torch.float64)
    found = {}
    for name, way, belief in zip(names, ways, beliefs, strict=True):
        if not belief.is_known:
            values = belief.quantiles(levels).tolist()
            found[name] = values if way == "maximize" else [-x for x in reversed(values)]
    return found
