"""What the surrogate expected of a trial before its evaluation, as the trial stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from bonas.arguments import is_number
from bonas.studies.records import PREDICTION


@dataclass(frozen=True, slots=True)
class Prediction:
    """The posterior of one trial before its evaluation, per objective and in its unit.

    Attributes:
        mean: Posterior mean.
        sd: Posterior standard deviation, with observation noise.
        weights: Weight of each member of a mixture; empty for other surrogates.
        evaluable: Probability that its evaluation does not fail; None if none had failed by then.
        feasible: Probability that it keeps all constraints; None if there were none.
    """

    mean: Mapping[str, float]
    sd: Mapping[str, float]
    weights: Mapping[str, Sequence[float]]
    evaluable: float | None = None
    feasible: float | None = None


def prediction_of(trial: FrozenTrial, names: Sequence[str]) -> Prediction | None:
    """Return the prediction of a trial, for the objectives ``names`` in the order of its values.

    None for a random proposal, and where another program stored something else.
    """
    stored = PREDICTION.read(trial) or {}
    parts = [_by_name(names, stored.get(key)) for key in ("mean", "sd", "weights")]
    if not all(parts):
        return None
    mean, sd, weights = parts
    if not all(map(is_number, [*mean.values(), *sd.values()])):
        return None
    if not all(isinstance(own, list) and all(map(is_number, own)) for own in weights.values()):
        return None
    return Prediction(
        mean,
        sd,
        weights,
        evaluable=_probability(stored.get("evaluable")),
        feasible=_probability(stored.get("feasible")),
    )


def _probability(value: object) -> float | None:
    """Return a stored probability; None if there is none."""
    return float(value) if is_number(value) and 0 <= value <= 1 else None


def _by_name(names: Sequence[str], values: object) -> dict[str, Any]:
    """Return one value per objective; empty if another program stored something else."""
    if not isinstance(values, list) or len(values) != len(names):
        return {}
    return dict(zip(names, values, strict=True))
