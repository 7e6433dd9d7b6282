"""Learning-curve model: where an evaluation that is under way will end.

    z = -log(top - y),   top = best + 2 (best - median)
    z ~ GP over  one_hot (matern12) + statistics (rbf) + curve (rbf) + curve (linear)
    P(y > t) = Phi((mu - z(t)) / s)

``y`` are the final values of finished evaluations, oriented (more is better); their features
(``curve_features.py``) are those of their curves, cut where the curve in question is now. ``mu``
and ``s`` are mean and standard deviation of the posterior, with noise. The transform stretches what
lies near the best value, where it is decided whether an evaluation is worth its rest; the ceiling
is so far above it that it is out of reach. The Gaussian process learns from the study alone which
part of a curve matters, and how much the architecture says that the curve does not.

Evaluations that fail to learn at all, such as networks that stay at chance level, are a class of
their own. One such value would set the scale of everything. A final value further below the first
quartile than five times the distance from there to the best is *failed*: it is left out of the
process, and a curve that is nearer to those of failed evaluations than to any other is predicted to
end as they did.

On the curves of SpikeNAS-Bench (``bonas bench curves``, 30 draws that nothing was tuned on), the
final accuracy of cells that were never trained to the end has Spearman's correlation .88 / .93 /
.97 with the prediction from 10 / 25 / 50 of 100 epochs after 20 finished trainings, .93 / .95 / .98
after 50; the raw value has .76 / .91 / .97. The 80 % intervals cover 79 to 83 %. With fewer than 15
finished trainings the raw values rank better, and no interval is to be trusted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import FitFailed
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.graph_gp_fit import fit_graph_gp
from bonas.surrogates.kernel import Term

CURVE = "curve"
"""The block of the features of a curve."""
LEAST = 15
"""Finished evaluations below which the model is worse than the curves' raw values."""

_SHAPES = {"one_hot": ("matern12",), "statistics": ("rbf",)}
_OF_CURVE = ("rbf", "linear")
_HEADROOM = 2.0  # of the ceiling above the best value, in distances from there to the median
_FAILED = 5.0  # distances from the first quartile to the best, below the first quartile
_LEAST_SD = 1e-9  # relative to the largest value: below it a feature is constant


@dataclass(frozen=True)
class LearningCurveModel:
    """The final values of evaluations, given their curves so far; ``fit_learning_curve`` fits it.

    Attributes:
        gp: Over encodings of architectures and scaled features, of transformed values.
        top: The ceiling of the transform.
        shift, scale: What was subtracted from each of the ``f`` features, and divided by.
        failed: Values and first features (the best value so far) of failed evaluations, ``k x 2``.
        lowest: The least first feature of all others.
        worst: The least value of all others.
    """

    gp: GraphGP
    top: float
    shift: Tensor
    scale: Tensor
    failed: Tensor
    lowest: float
    worst: float

    def predict(self, features: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return median and spread, ``N`` each, of the final values of evaluations.

        Oriented, in the user's unit, the noise of an evaluation included. The spread is half of the
        central interval that holds 68 %.

        Args:
            features: ``N x f`` features of their curves so far.
            X: ``N x d`` encodings of their architectures.
        """
        one = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
        low, median, high = self.quantiles(features, X, torch.special.ndtr(one))
        return median, (high - low) / 2

    def quantiles(self, features: Tensor, X: Tensor, levels: Tensor) -> Tensor:
        """Return ``s x N`` quantiles of the final values, for ``s`` levels in (0, 1).

        None is further below the worst value that the process learnt from than that is below the
        ceiling.
        """
        mean, sd = self._transformed(features, X)
        z = mean + torch.special.ndtri(levels).unsqueeze(1) * sd
        values = (self.top - torch.exp(-z)).clamp_min(2 * self.worst - self.top)
        is_failing = self._is_failing(features)
        if bool(is_failing.any()):
            values[:, is_failing] = torch.quantile(self.failed[:, 0], levels).unsqueeze(1)
        return values

    def probability_above(self, features: Tensor, X: Tensor, least: float) -> Tensor:
        """Return the probabilities, ``N``, that the final values are above ``least``."""
        if least >= self.top:
            return torch.zeros(len(features), dtype=torch.float64)
        mean, sd = self._transformed(features, X)
        threshold = -math.log(self.top - least) if math.isfinite(least) else -math.inf
        above: Tensor = torch.special.ndtr((mean - threshold) / sd)
        is_failing = self._is_failing(features)
        if bool(is_failing.any()):
            above[is_failing] = float((self.failed[:, 0] > least).double().mean())
        return above

    def _transformed(self, features: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the transformed values, noise included."""
        mean, variance = self.gp.marginals(_joined(X, (features - self.shift) / self.scale))
        noise = self.gp.data.sd**2 * math.exp(self.gp.log_noise)
        return mean, (variance + noise).sqrt()

    def _is_failing(self, features: Tensor) -> Tensor:
        """Return which evaluations are nearer to failed ones than to the worst of the others."""
        highest = float(self.failed[:, 1].max()) if len(self.failed) else math.inf
        if highest >= self.lowest:  # by now they look alike
            return torch.zeros(len(features), dtype=torch.bool)
        return features[:, 0] < (highest + self.lowest) / 2


def fit_learning_curve(
    features: Tensor, X: Tensor, y: Tensor, layout: Layout
) -> LearningCurveModel:
    """Fit the final values of finished evaluations.

    Args:
        features: ``n x f`` features of their curves, all cut at the same step; the first one is the
            best value so far.
        X: ``n x d`` encodings of their architectures; ``d`` may be 0.
        y: ``n`` final values, oriented.
        layout: The blocks of the encoding.

    Raises:
        FitFailed: if the shapes do not fit, a number is not finite, or no value is left.
    """
    if features.ndim != 2 or not len(features) == len(X) == len(y):
        raise FitFailed(
            "expected features n x f, encodings n x d and n values, got "
            f"{tuple(features.shape)}, {tuple(X.shape)} and {tuple(y.shape)}"
        )
    is_failed = _failed(y)
    kept, lost = features[~is_failed], features[is_failed, 0]
    failed = torch.stack([y[is_failed], lost], dim=1)
    shift, scale = _shift_and_scale(kept)
    rows = _joined(X[~is_failed], (kept - shift) / scale)
    values = y[~is_failed]
    top, z = _stretched(values)
    gp = fit_graph_gp(rows, z.unsqueeze(1), _with_curve(layout, X, features), terms=_terms(layout))
    lowest, worst = float(kept[:, 0].min()), float(values.min())
    return LearningCurveModel(gp, top, shift, scale, failed, lowest, worst)


def _failed(y: Tensor) -> Tensor:
    """Return which of ``n`` oriented values are those of evaluations that learnt nothing."""
    low = float(torch.quantile(y, 0.25))
    return y < low - _FAILED * (float(y.max()) - low)


def _stretched(y: Tensor) -> tuple[float, Tensor]:
    """Return the ceiling and the transformed values."""
    best, median = float(y.max()), float(y.median())
    span = best - median if best > median else max(abs(best), 1.0)
    top = best + _HEADROOM * span
    return top, -torch.log(top - y)


def _shift_and_scale(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return what gives the block mean 0 and a total variance of 1; constant columns stay 0."""
    sd = features.std(0, correction=0)
    constant = sd <= _LEAST_SD * features.abs().max(0).values.clamp_min(_LEAST_SD)
    scale = torch.where(constant, math.inf, sd)
    return features.mean(0), scale * math.sqrt(max(1, int((~constant).sum())))


def _joined(X: Tensor, scaled: Tensor) -> Tensor:
    return torch.cat([X, scaled], dim=1)


def _with_curve(layout: Layout, X: Tensor, features: Tensor) -> Layout:
    """Return the layout of encodings and, after them, the features of curves."""
    d = X.shape[1]
    columns = slice(d, d + features.shape[1])
    return Layout({**layout.architecture, CURVE: columns}, layout.parameters)


def _terms(layout: Layout) -> list[Term]:
    """Return the terms of the kernel; blocks of other encoders are rbf ones."""
    own = [(b, s) for b in layout.architecture for s in _SHAPES.get(b, ("rbf",))]
    return [*own, *((CURVE, shape) for shape in _OF_CURVE)]
