"""Fit a Gaussian process to final values and to values at lower fidelities.

With the symbols of ``coregionalised_kernel.py`` and ``graph_gp_fit.py``:

    d loss / d theta = sum_ab W_ab B_ij dk_ab / d theta,   W = (Sigma^-1 - alpha alpha^T) / 2
    d loss / d B_ij  = sum_{a of output i, b of output j} W_ab k_ab
    d loss / d A_i0 += -sum_{a of output i} alpha_a m(x_a)   where there is a prior mean m

The prior expects that a lower fidelity tells much of the final value, w_j ~ N(0.7, 0.5^2), that it
is noisier, and that it has something of its own. Where it tells nothing, finished trainings soon
say so: w_j falls to 0, and the rows at that fidelity predict nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bonas.surrogates.coregionalised_gp import CoregionalisedGP, StackedData, stack
from bonas.surrogates.coregionalised_kernel import CoregionalisedKernel
from bonas.surrogates.graph_gp import add_noise, residuals
from bonas.surrogates.inflation import importance, inflation
from bonas.surrogates.kernel import BlockKernel
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.most_probable import PRIORS, Array, Prior, most_probable, priors_of
from bonas.surrogates.training_data import TrainingData

_SHARED: Prior = (0.7, 0.5)  # of w_j
_BETWEEN: Prior = (0.0, 0.5)  # of the entries c
_ALONE: Prior = (math.log(0.5), 1.0)  # of log v_j
_NOISE: Prior = (math.log(0.1), 1.0)  # of the logarithm of a score's noise
_FITTED = 300  # rows that the hyper-parameters are fitted to: those of evenly spread trainings


def fit_coregionalised(
    base: BlockKernel, data: TrainingData, lower: LowerFidelity
) -> CoregionalisedGP:
    """Fit the hyper-parameters of both kinds at once.

    Args:
        base: The kernel over encodings.
        data: ``n`` encodings and final values.
        lower: The values at ``o`` lower fidelities, at least one each.
    """
    o = len(lower.fidelities)
    kernel = CoregionalisedKernel(base, tuple(lower.fidelities))
    stacked = stack(data, lower, torch.zeros(o, dtype=torch.float64))
    fitted = _thinned(stacked)
    distances = base.distances(fitted.rows.X, fitted.rows.X)
    priors = [
        *priors_of(base.names, base.layout.is_expected),
        *[_SHARED] * o,
        *[_BETWEEN] * (o * (o - 1) // 2),
        *[_ALONE] * o,
        PRIORS["noise"],
        *[_NOISE] * o,
    ]
    point = most_probable(priors, lambda at: negative_log_likelihood(kernel, distances, fitted, at))
    theta, noises = point[: -o - 1], point[-o - 1 :]
    log_noise, stacked = float(noises[0]), stack(data, lower, noises[1:])
    model = CoregionalisedGP(kernel, theta, log_noise, noises[1:], stacked)
    f = inflation(*model.left_out(), importance(lower, len(data.X)))
    return CoregionalisedGP(kernel, theta, log_noise, noises[1:], stacked, inflation=f, L=model.L)


def negative_log_likelihood(
    kernel: CoregionalisedKernel, distances: Tensor, stacked: StackedData, point: Tensor
) -> tuple[float, Array]:
    """Compute it without its constant, and its gradient in ``point``.

    ``point``: theta, then the logarithms of the noise of final values and of each fidelity.
    """
    o, output, rows = len(kernel.fidelities), stacked.output, stacked.rows
    theta, noises = point[: -o - 1], point[-o - 1 :].exp()
    parts = kernel.base.parts(theta[: kernel.first], distances)
    K, B = parts.matrix(), kernel.outputs(theta)[output][:, output]
    is_known = (output == 0) & ~rows.noise.isnan()
    noise = torch.where(is_known, rows.noise, noises[output])
    L = torch.linalg.cholesky(add_noise(B * K, 0.0, noise))
    inverse = torch.cholesky_inverse(L)
    z = residuals(rows, partial(kernel.prior_mean, theta))
    alpha = inverse @ z
    W = 0.5 * (inverse - alpha @ alpha.T)  # d loss / d (B K)
    value = 0.5 * float((z * alpha).sum()) + float(L.diagonal().log().sum())
    of_output = torch.nn.functional.one_hot(output, o + 1).to(W)
    by_B = of_output.T @ (W * K) @ of_output
    by_noise = (W.diagonal() * ~is_known) @ of_output * noises
    by_outputs = kernel.gradient(theta, by_B)
    expected = kernel.base.layout.prior_mean(rows.X)
    if expected is not None:
        by_outputs[:o] -= (of_output.T @ (alpha.squeeze(1) * expected))[1:]
    gradient: Sequence[Tensor] = (parts.gradient(W * B), by_outputs, by_noise)
    return value, np.concatenate([part.numpy() for part in gradient])


def _thinned(stacked: StackedData) -> StackedData:
    """Return the rows of evenly spread trainings, about ``_FITTED`` of them at most."""
    step = -(-len(stacked.output) // _FITTED)
    kept, data = stacked.training % step == 0, stacked.rows
    rows = TrainingData(data.X[kept], data.z[kept], data.mean, data.sd, data.noise[kept])
    return StackedData(rows, stacked.training[kept], stacked.n, stacked.growth)
