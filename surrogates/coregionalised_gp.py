"""A Gaussian process over final values and values at lower fidelities.

    z = (final values, scores at lower fidelities)   stacked, each row a point with its output
    z ~ N(m, K + diag(noise)),   K_ab = B_ij k(x, x')   (``coregionalised_kernel.py``)

Final values are standardised; scores are in units of the finished trainings
(``lower_fidelity.py``). The prior mean m is 0 unless a transfer prior is expected to be right. What
is asked for is always output 0, the final value of a training that nobody has begun, so that all
else is the exact process of ``graph_gp.py``, which grows with its rows: final values and scores
come in any order, and the order of the first rows is kept.

A training that has both rows counts once where each value is to be predicted by the others: all its
rows are left out together. Variances are inflated where that shows the model to be too sure
(``inflation.py``).

Source: Swersky, Snoek and Adams (2013), "Multi-task Bayesian optimization", NeurIPS 26.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from botorch.posteriors.gpytorch import GPyTorchPosterior
from botorch.posteriors.posterior import Posterior
from gpytorch.distributions import MultivariateNormal
from torch import Tensor

from bonas.errors import FitFailed
from bonas.surrogates.coregionalised_kernel import CoregionalisedKernel
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.leave_one_out import left_out
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.solved_pool import SolvedPool
from bonas.surrogates.training_data import TrainingData, standardise

Growth = tuple[tuple[int, int], ...]
"""How many final values and how many trainings with scores there were, each time a model grew."""


@dataclass(frozen=True)
class StackedData:
    """Final values and scores as rows of one process.

    Attributes:
        rows: Encodings with the number of the output as last column; standardised values; the
            noise, NaN where it is that of unknown final values; ``mean`` and ``sd`` are those of
            final values.
        training: Which training each row is of: final values are numbered from 0 on.
        n: The number of final values.
        growth: The order of the rows: blocks of final values, then of scores.
    """

    rows: TrainingData
    training: Tensor
    n: int
    growth: Growth

    @property
    def output(self) -> Tensor:
        """The number of the output of each row."""
        return self.rows.X[:, -1].long()


def stack(
    data: TrainingData, lower: LowerFidelity, log_noise: Tensor, growth: Growth = ()
) -> StackedData:
    """Stack ``n`` final values and the scores of ``k`` trainings.

    Args:
        data: The final values.
        lower: The values at ``o`` lower fidelities.
        log_noise: The logarithms of the noise variances of their scores, ``o``.
        growth: The blocks that come first, as far as they are there.

    Raises:
        FitFailed: if the encodings have other widths, or a final value does not exist.
    """
    n, k = len(data.X), len(lower)
    last = int(lower.final.max()) if k else -1
    if lower.X.shape[1] != data.X.shape[1] or last >= n:
        raise FitFailed(
            f"expected lower fidelities of encodings n x {data.X.shape[1]} and rows of {n} final "
            f"values, got n x {lower.X.shape[1]} and row {last}"
        )
    ends = [(a, b) for a, b in growth if a <= n and b <= k]
    growth = tuple(dict.fromkeys((*ends, (n, k))))
    scores, noise = lower.normal_scores(), log_noise.exp()
    own = torch.where(lower.is_finished, lower.final, n + torch.arange(k))
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    before = (0, 0)
    for end in growth:
        at = slice(before[0], end[0])
        parts.append((with_output(data.X[at], 0), data.z[at], data.noise[at], torch.arange(n)[at]))
        t, j = torch.nonzero(~scores[before[1] : end[1]].isnan(), as_tuple=True)
        t = t + before[1]
        X = torch.cat([lower.X[t].to(data.X), (j + 1).to(data.X).unsqueeze(1)], dim=1)
        parts.append((X, scores[t, j].unsqueeze(1), noise[j], own[t]))
        before = end
    X, z, known, training = (torch.cat(part) for part in zip(*parts, strict=True))
    return StackedData(TrainingData(X, z, data.mean, data.sd, known), training, n, growth)


def with_output(X: Tensor, number: int) -> Tensor:
    """Return points ``... x d`` with the number of an output as a further column."""
    return torch.cat([X, torch.full_like(X[..., :1], number)], dim=-1)


class CoregionalisedGP(GraphGP):
    """A Gaussian process of final values that learns from lower fidelities, too.

    ``fit_graph_gp`` makes it where there are such values; the model never changes.

    Args:
        kernel: The kernel over points and outputs.
        theta: Its hyper-parameters.
        log_noise: The logarithm of the noise variance of a final value.
        log_noises: Those of the scores at each lower fidelity.
        stacked: The data.
        inflation: What variances are multiplied by; a hyper-parameter, too.
        L: ``k x k`` factor of the covariance of the first ``k`` rows, if known.
        solved: What ``marginals`` has solved for the first rows, if known.
        pool: The points for which it was solved.
    """

    kernel: CoregionalisedKernel

    def __init__(
        self,
        kernel: CoregionalisedKernel,
        theta: Tensor,
        log_noise: float,
        log_noises: Tensor,
        stacked: StackedData,
        *,
        inflation: float = 1.0,
        L: Tensor | None = None,
        solved: SolvedPool | None = None,
        pool: Tensor | None = None,
    ) -> None:
        prior_mean = partial(kernel.prior_mean, theta)
        own = kernel, theta, log_noise, stacked.rows
        super().__init__(*own, prior_mean=prior_mean, L=L, solved=solved)
        self.log_noises, self.stacked, self._pool = log_noises, stacked, pool
        self.inflation = inflation

    def condition_on(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        train_Yvar: Tensor | None = None,
        lower: LowerFidelity | None = None,
    ) -> CoregionalisedGP:
        """Return a model of other data with the same hyper-parameters.

        Fast where the data begin with those of this model. Of ``lower`` the fidelities count that
        the hyper-parameters were fitted to.
        """
        data = standardise(train_X, train_Y, train_Yvar)
        if lower is None:
            nothing = data.X.new_zeros(0, 0), torch.zeros(0, dtype=torch.long)
            lower = LowerFidelity(data.X[:0], *nothing, ())
        lower = lower.at(self.kernel.fidelities)
        stacked = stack(data, lower, self.log_noises, self.stacked.growth)
        hyperparameters = self.kernel, self.theta, self.log_noise, self.log_noises
        if not stacked.rows.starts_with(self.stacked.rows):
            stacked = stack(data, lower, self.log_noises)
            return CoregionalisedGP(*hyperparameters, stacked, inflation=self.inflation)
        return CoregionalisedGP(
            *hyperparameters,
            stacked,
            inflation=self.inflation,
            L=self.L,
            solved=self._solved,
            pool=self._pool,
        )

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The fitted values by name, for standardised values and scores."""
        kernel, o = self.kernel, len(self.kernel.fidelities)
        values = self.theta.clone()
        logarithms = [*range(kernel.first), *range(len(values) - o, len(values))]
        values[logarithms] = values[logarithms].exp()
        noises = [f"noise of {name}" for name in kernel.fidelities]
        return {
            **dict(zip(kernel.names, values.tolist(), strict=True)),
            "noise": math.exp(self.log_noise),
            **dict(zip(noises, self.log_noises.exp().tolist(), strict=True)),
        }

    @property
    def correlations(self) -> dict[object, float]:
        """The correlation of each lower fidelity with the final value, noise left out."""
        B = self.kernel.outputs(self.theta)
        found = B[0, 1:] / B.diagonal()[1:].sqrt()
        return dict(zip(self.kernel.fidelities, found.tolist(), strict=True))

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances, ``N`` each, of final values at the rows of ``pool``."""
        known = self._solved.pool if self._solved is not None and self._pool is pool else None
        points = with_output(pool, 0) if known is None else known
        mean, variance = super().marginals(points)
        if self._solved is not None and self._solved.pool is points:
            self._pool = pool
        return mean, self.inflation * variance

    def left_out(self) -> tuple[Tensor, Tensor]:
        """Return ``n`` errors of final values and their variances, given all other trainings.

        Of standardised values, and without inflation.
        """
        alpha = torch.linalg.solve_triangular(self.L.T, self.u, upper=True)
        return left_out(self.L, alpha, self._groups())

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities of final values, each given all other trainings."""
        error, variance = self.left_out()
        variance = self.inflation * variance
        density = -0.5 * (error.square() / variance + (2 * math.pi * variance).log())
        return density - math.log(self.data.sd)

    def _groups(self) -> list[list[int]]:
        """Return for each final value the rows of its training, its own first."""
        groups: list[list[int]] = [[] for _ in range(self.stacked.n)]
        outputs, trainings = self.stacked.output.tolist(), self.stacked.training.tolist()
        for row in sorted(range(len(outputs)), key=lambda row: outputs[row] != 0):
            if trainings[row] < len(groups):
                groups[trainings[row]].append(row)
        return groups

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        found: Any = super()._joint_posterior(with_output(X, 0), noisy)
        normal = found.distribution
        scaled = MultivariateNormal(normal.mean, self.inflation * normal.covariance_matrix)
        return GPyTorchPosterior(scaled)
