"""A random forest: many regression trees, each grown on its own resample of the values.

    f = f_t,   t ~ Uniform(trees),   f_t(x) = mean of x's leaf + d_t(x),   d_t(x) ~ N(0, v of leaf)

The posterior is a mixture with one component per tree: its mean is the mean of the trees, its
variance that of the trees' means plus the mean variance within leaves. The deviations d_t of
different architectures are independent; two equal rows share theirs. Noise and what the tree does
not resolve cannot be distinguished, so asking for observation noise changes nothing.

Sources: Breiman (2001), "Random forests", Machine Learning 45; Hutter, Hoos and Leyton-Brown
(2011), "Sequential model-based optimization for general algorithm configuration", LION (the law of
total variance).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from botorch.posteriors.posterior import Posterior
from sklearn.ensemble import RandomForestRegressor
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.model import SurrogateModel
from bonas.surrogates.surrogate import supports
from bonas.surrogates.training_data import TrainingData, standardise

Array = npt.NDArray[np.float64]

_FEATURES = 5 / 6  # of the columns, drawn anew for each split
_LEAF = 2  # values in a leaf, at least
_LEAST_VARIANCE = 1e-6  # of a standardised value
_DIGITS = 9  # of standardised values: splits must not hang on rounding


@supports(prior_mean=True)
def fit_forest(
    train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int = 0, *, trees: int = 100
) -> RandomForest:
    """Grow a random forest over the columns that ``layout`` shows.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Seed of the resamples and the splits.
        trees: The number of trees.

    Raises:
        FitFailed: if there is no value, or one is not finite.
    """
    data = standardise(train_X, train_Y)
    forest = RandomForestRegressor(
        trees, max_features=_FEATURES, min_samples_leaf=_LEAF, random_state=seed
    )
    z = np.round(data.z.squeeze(-1).numpy(), _DIGITS)
    forest.fit(layout.visible(data.X).numpy(), z)
    return RandomForest(data, layout, forest, seed)


class RandomForest(SurrogateModel):
    """A fitted forest as a BoTorch model; ``fit_forest`` grows it.

    Args:
        data: ``n`` encodings and standardised values.
        layout: The blocks of the encoding; the forest reads those that it shows.
        forest: Grown on the visible columns of ``data``.
        seed: Seed of the posterior's samples.
    """

    def __init__(
        self, data: TrainingData, layout: Layout, forest: RandomForestRegressor, seed: int
    ) -> None:
        super().__init__()
        self.data, self.layout, self.forest, self.seed = data, layout, forest, seed

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        seen = self.layout.visible(X.to(self.data.X))
        flat = seen.reshape(-1, seen.shape[-1])
        means, variances = (torch.from_numpy(part) for part in self._by_tree(flat.numpy()))
        trees, shape = len(means), X.shape[:-1]
        row = torch.unique(flat, dim=0, return_inverse=True)[1].reshape(shape)
        same = (row.unsqueeze(-1) == row.unsqueeze(-2)).to(flat)
        variances = variances.reshape(trees, *shape)
        shared = torch.sqrt(variances.unsqueeze(-1) * variances.unsqueeze(-2)) * same
        covariances = shared + _LEAST_VARIANCE * torch.eye(shape[-1], dtype=flat.dtype)
        return MixturePosterior(
            self.data.mean + self.data.sd * means.reshape(trees, *shape),
            self.data.sd**2 * covariances,
            torch.full((trees,), 1 / trees, dtype=flat.dtype),
            self.seed,
        )

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities, each of one value under the trees grown without it.

        Of their mixture's normal approximation; of the prior where every tree has the value.
        """
        mean, variance = self._out_of_bag()
        error = self.data.z.numpy().reshape(-1) - mean
        density = -0.5 * (error**2 / variance + np.log(2 * math.pi * variance))
        return torch.from_numpy(density - math.log(self.data.sd))

    def _out_of_bag(self) -> tuple[Array, Array]:
        """Return mean and variance of each standardised value, by the trees grown without it."""
        means, variances = self._by_tree(self.layout.visible(self.data.X).numpy())
        unseen = np.ones_like(means)
        for tree, rows in enumerate(self.forest.estimators_samples_):
            unseen[tree, rows] = 0.0
        share = unseen / np.maximum(unseen.sum(0), 1.0)
        mean = (share * means).sum(0)
        variance = (share * (variances + (means - mean) ** 2)).sum(0) + _LEAST_VARIANCE
        return mean, np.where(unseen.any(0), variance, 1.0)

    def _by_tree(self, X: Array) -> tuple[Array, Array]:
        """Return mean and variance of each row's leaf in each tree, ``trees x n``."""
        leaves = self.forest.apply(X).T
        trees = [estimator.tree_ for estimator in self.forest.estimators_]
        means = [tree.value[leaf, 0, 0] for tree, leaf in zip(trees, leaves, strict=True)]
        variances = [tree.impurity[leaf] for tree, leaf in zip(trees, leaves, strict=True)]
        return np.stack(means), np.maximum(np.stack(variances), 0.0)
