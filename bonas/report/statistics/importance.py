"""Importance of parameters, by permutation in held-out networks, with honest intervals.

Symbols: ``n`` networks, B splits into a training part and a held-out third; V the variance of y.

    I_j = (error with column j permuted - error) / (2 V)        on the held-out part

For a perfect model I_j is the total Sobol index of parameter j over the networks that were tried:
the share of the variance that goes if parameter j is not known. For a parameter that means nothing
it is 0 on average, and as often below as above: what the model learnt of it by chance does not help
on networks that it has not seen.

Splits overlap, so their standard deviation says too little. With s^2 their variance,

    interval = mean +- t_(B-1) s sqrt(1/B + n_held_out / n_training)

Papers: L. Breiman, "Random forests", Machine Learning, 2001 (permutation); C. Nadeau and Y. Bengio,
"Inference for the generalization error", Machine Learning, 2003 (interval).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from bonas.report.statistics.additive_model import INTERPLAY, AdditiveModel, Kernels
from bonas.report.statistics.choices import ABSENT, Parameter
from bonas.report.statistics.effects import Effect, effects_of

Values = npt.NDArray[np.float64]

LEAST = 20
"""Networks below which nothing can be said."""
_SPLITS = 12
_PERMUTATIONS = 4
_STEPS = 12  # of a fit that starts from that to all networks


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over splits and its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def over(cls, splits: Values, held_out_per_training: float) -> Estimate:
        """Return that of one value per split."""
        B, mean = len(splits), float(splits.mean())
        error = float(splits.std(ddof=1)) * np.sqrt(1 / B + held_out_per_training)
        half = float(student.ppf(0.975, B - 1)) * error
        return cls(mean, mean - half, mean + half)

    @property
    def is_sure(self) -> bool:
        """Whether the interval is above 0."""
        return self.low > 0


@dataclass(frozen=True, slots=True)
class Importance:
    """What parameters mean for an objective.

    Attributes:
        parameters: Those that vary.
        shares: Of each, the share of the variance.
        explained: The share that the model explains in networks that it was not fitted to.
        effects: Of each, those of its values, in the unit of the objective.
    """

    parameters: tuple[Parameter, ...]
    shares: tuple[Estimate, ...]
    explained: Estimate
    effects: tuple[tuple[Effect, ...], ...]

    @classmethod
    def of(cls, parameters: Sequence[Parameter], values: Values, seed: int = 0) -> Importance:
        """Return that for ``n`` finite values, at least ``LEAST`` and not all equal."""
        rng, n = np.random.default_rng(seed), len(values)
        y = (values - values.mean()) / values.std()
        kernels = Kernels.of(parameters)
        model = AdditiveModel.fit(kernels, y)
        held_out = n // 3
        found = []
        for _ in range(_SPLITS):
            rows = rng.permutation(n)
            test, train = rows[:held_out], rows[held_out:]
            found.append(_split(parameters, kernels, y, model, train, test, rng))
        table, ratio = np.array(found), held_out / (n - held_out)
        *shares, explained = (Estimate.over(column, ratio) for column in table.T)
        changes = [
            tuple(
                each.times(float(values.std()))
                for each in effects_of(j, parameters, kernels, model)
            )
            for j in range(len(parameters))
        ]
        return cls(tuple(parameters), tuple(shares), explained, tuple(changes))


def _split(
    parameters: Sequence[Parameter],
    kernels: Kernels,
    y: Values,
    start: AdditiveModel,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> list[float]:
    """Return the importance of each parameter on the held-out part, and what is explained there."""
    level = float(y[train].mean())
    model = AdditiveModel.fit(kernels.among(train), y[train] - level, start, _STEPS)
    across = np.ix_(test, train)
    distance, target = kernels.distance[across], y[test] - level
    own = [
        v * (K[across] @ model.weights) for v, K in zip(model.variances, kernels.own, strict=False)
    ]
    interplay = float(model.variances[-1])
    constant = float(model.weights.sum())
    base = constant + sum(own) + interplay * (np.exp(-INTERPLAY * distance) @ model.weights)
    error, variance, found = np.mean((target - base) ** 2), float(y.var()), []
    for j, parameter in enumerate(parameters):
        errors = []
        part = parameter.distances(parameter.codes[test], parameter.codes[train]) / len(parameters)
        present = np.flatnonzero(parameter.codes[test] != ABSENT)
        if len(np.unique(parameter.codes[test])) > 1 and len(present) == 0:
            present = np.arange(len(test))
        for _ in range(_PERMUTATIONS):
            order = np.arange(len(test))
            order[present] = rng.permutation(present)
            moved = distance - part + part[order]
            guess = constant + sum(own) - own[j] + own[j][order]
            guess = guess + interplay * (np.exp(-INTERPLAY * moved) @ model.weights)
            errors.append(np.mean((target - guess) ** 2))
        found.append(float((np.mean(errors) - error) / (2 * variance)))
    return [*found, float(1 - error / np.mean(target**2))]
