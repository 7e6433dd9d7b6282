"""Effects of options: what does a choice change, everything else as it was tried?

Symbols: the model of ``additive_model``; o an option of parameter j; the average runs over the
networks i that have the parameter, their shares w_o of each option.

    e_o = average_i f(x_i with x_ij = o) - sum_o' w_o' average_i f(x_i with x_ij = o')

All of it is linear in f, so that mean and variance are those of the posterior:

    prior       cov(e) = C P C',   P_oo' = v_j k_j(o, o') + v_g average_ii' exp(-3 D)
    with data   a_ok   = v_j k_j(o, x_k) + v_g average_i exp(-3 D(x_i with o, x_k))
    mean e      = C a A y,         cov e = C (P - a A a') C'

where C subtracts the weighted mean; terms of the other parameters cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from bonas.report.statistics.additive_model import INTERPLAY, AdditiveModel, Kernels
from bonas.report.statistics.choices import ABSENT, Parameter

_MOST = 120  # networks of the average


@dataclass(frozen=True, slots=True)
class Effect:
    """What an option changes, against the average of the options.

    Attributes:
        option: The value of the parameter.
        n: How many of the networks have it.
        mean: In standard deviations of the values.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    option: Any
    n: int
    mean: float
    low: float
    high: float

    def times(self, size: float) -> Effect:
        """Return the effect in a unit of which a standard deviation has ``size``."""
        return Effect(self.option, self.n, *(size * x for x in (self.mean, self.low, self.high)))


def effects_of(
    j: int, parameters: Sequence[Parameter], kernels: Kernels, model: AdditiveModel
) -> list[Effect]:
    """Return the effect of each value of parameter ``j``, in the order of its values.

    Args:
        j: The row of the parameter.
        parameters: All of the model.
        kernels: Between the ``n`` networks.
        model: Fitted to the ``n`` networks.
    """
    parameter, d = parameters[j], len(parameters)
    present = np.flatnonzero(parameter.codes != ABSENT)
    rows = present[np.unique(np.linspace(0, len(present) - 1, _MOST).round().astype(int))]
    options = np.arange(len(parameter.values))
    counts = np.bincount(parameter.codes[present], minlength=len(options))
    own, interplay = float(model.variances[j]), float(model.variances[-1])
    without = kernels.distance - parameter.distances(parameter.codes, parameter.codes) / d
    to_data = parameter.distances(options, parameter.codes) / d
    among = parameter.distances(options, options) / d
    # exp(-3 (D without j + part of j)) is a product, and only its first factor is averaged
    shared = np.exp(-INTERPLAY * without[rows])
    a = own * parameter.similarity(options, parameter.codes)
    a = a + interplay * np.exp(-INTERPLAY * to_data) * shared.mean(axis=0)
    P = own * parameter.similarity(options, options)
    P = P + interplay * np.exp(-INTERPLAY * among) * shared[:, rows].mean()
    C = np.eye(len(options)) - counts / counts.sum()
    mean = C @ a @ model.weights
    cov = C @ (P - a @ model.precision @ a.T) @ C.T
    half = norm.ppf(0.975) * np.sqrt(np.clip(np.diag(cov), 0.0, None))
    return [
        Effect(value, int(n), float(m), float(m - h), float(m + h))
        for value, n, m, h in zip(parameter.values, counts, mean, half, strict=True)
    ]


def grouped(parameter: Parameter, most: int = 6) -> Parameter:
    """Return an ordered parameter with at most ``most`` values: ranges with equally many networks.

    Values become texts such as ``0.01 to 0.1``; a parameter that is not ordered, or has few values,
    stays as it is.
    """
    if not parameter.is_ordered or len(parameter.values) <= most:
        return parameter
    present = parameter.codes[parameter.codes != ABSENT]
    edges = np.unique(np.quantile(present, np.linspace(0, 1, most + 1)[1:-1]).astype(int))
    codes: npt.NDArray[np.int64] = np.searchsorted(edges, parameter.codes, side="left")
    codes = np.where(parameter.codes == ABSENT, ABSENT, codes)
    names = []
    for group in range(len(edges) + 1):
        own = [
            parameter.values[c]
            for c in np.unique(present[np.searchsorted(edges, present) == group])
        ]
        names.append(
            f"{own[0]:.3g} to {own[-1]:.3g}" if len(own) > 1 else f"{own[0]:.3g}" if own else ""
        )
    return Parameter(parameter.name, tuple(names), codes, True)
