"""Feasibility: the probability that an architecture can be evaluated, learnt from failures.

    p(x) = w_0 r + w_1 g(x) + w_2 f(x)

    r       the share of evaluations that succeed, whatever the network: failures by accident
    g, f    a Gaussian process on labels 1 (success) and 0 (failure), and a random forest
    w       the weights of the best leave-one-out log score of the mixture (stacking); r has more
            pseudo-observations than the others

All kinds of failure count alike: an accident predicts no other label, whatever its kind is called.
A region is avoided only if that has predicted labels which were left out. After one failure it
cannot have: r has most of the weight, and the failure lowers p little anywhere. The process is
better where regions have no sharp border (cells that a compiler refuses), the forest where one
number decides (networks that are too large).

Sources: Gelbart, Snoek and Adams (2014), "Bayesian optimization with unknown constraints", UAI (the
product of feasibility and acquisition); Yao, Vehtari, Simpson and Gelman (2018), "Using stacking to
average Bayesian predictive distributions", Bayesian Analysis 13(3).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import FitFailed
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.graph_gp_fit import fit_graph_gp
from bonas.surrogates.leave_one_out import left_out

Array = npt.NDArray[np.float64]

_TREES = 100
_FEATURES = 0.5  # of the columns, drawn anew for each split
_PULL = np.array([3.0, 1.0, 1.0])  # pseudo-observations of rate, process and forest
_ROUNDS = 200


class FeasibilityModel:
    """A fitted model of success and failure; ``fit_feasibility`` fits it.

    Attributes:
        rate: The share of evaluations that succeed, whatever the network.
        weights: Those of rate, process and forest; they sum to 1.
    """

    def __init__(
        self,
        layout: Layout,
        rate: float,
        process: GraphGP,
        forest: RandomForestClassifier,
        weights: Array,
        least: float,
    ) -> None:
        self.rate, self.weights = rate, weights
        self._layout, self._process, self._forest, self._least = layout, process, forest, least

    def probability(self, X: Tensor) -> Tensor:
        """Return the probabilities that ``N x d`` points can be evaluated, ``N``, in (0, 1)."""
        g = _clipped(self._process.marginals(X)[0].numpy(), self._least)
        seen = self._layout.visible(X).numpy()
        f = _clipped(_successes(self._forest, self._forest.predict_proba(seen)), self._least)
        w = self.weights
        return torch.from_numpy(w[0] * self.rate + w[1] * g + w[2] * f)


def fit_feasibility(X: Tensor, succeeded: Tensor, layout: Layout, seed: int) -> FeasibilityModel:
    """Fit the mixture to the labels of finished evaluations.

    Args:
        X: ``n x d`` encodings.
        succeeded: ``n`` truth values, both among them.
        layout: The blocks of the encoding.
        seed: Seed of the forest.

    Raises:
        FitFailed: if all labels are equal, or the encodings are not finite.
    """
    y, n = succeeded.numpy().astype(bool), len(succeeded)
    if y.all() or not y.any():
        raise FitFailed(f"expected successes and failures, got {int(y.sum())} of {n} successes")
    layout = layout.without("gnn") if len(layout.architecture) > 1 else layout
    process = fit_graph_gp(
        X, torch.from_numpy(y.astype(np.float64)).unsqueeze(1), layout, shape="matern12", trend=True
    )
    forest = RandomForestClassifier(_TREES, max_features=_FEATURES, random_state=seed)
    seen = layout.visible(X).numpy()
    forest.fit(seen, y)
    least = 1 / (n + 2)
    left = (y.sum() - y + 1) / (n + 1)  # the rate without each label
    members = np.stack([left, _left_out(process), _out_of_bag(forest, seen, left)])
    likelihood = np.where(y, _clipped(members, least), 1 - _clipped(members, least))
    weights = _stacked(np.log(likelihood))
    return FeasibilityModel(layout, (y.sum() + 1) / (n + 2), process, forest, weights, least)


def _left_out(process: GraphGP) -> Array:
    """Return the mean of each label given the others."""
    alpha = torch.linalg.solve_triangular(process.L.T, process.u, upper=True)
    error, _ = left_out(process.L, alpha, [[row] for row in range(len(process.L))])
    z = process.data.z.squeeze(1) - error
    found: Array = (process.data.mean + process.data.sd * z).numpy()
    return found


def _out_of_bag(forest: RandomForestClassifier, seen: Array, otherwise: Array) -> Array:
    """Return the votes for the success of each label by the trees that were grown without it."""
    votes, trees = np.zeros(len(seen)), np.zeros(len(seen))
    for tree, rows in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        without = np.ones(len(seen), dtype=bool)
        without[rows] = False
        if without.any():
            votes[without] += _successes(forest, tree.predict_proba(seen[without]))
            trees += without
    found: Array = np.where(trees > 0, votes / np.maximum(trees, 1), otherwise)
    return found


def _successes(forest: RandomForestClassifier, probabilities: Array) -> Array:
    """Return the column of successes."""
    column: Array = probabilities[:, list(forest.classes_).index(True)]
    return column


def _clipped(probability: Array, least: float) -> Array:
    found: Array = np.clip(probability, least, 1 - least)
    return found


def _stacked(log_likelihood: Array) -> Array:
    """Return the weights of the best leave-one-out log score, ``members x n``, and the pull."""
    weights: Array = _PULL / _PULL.sum()
    for _ in range(_ROUNDS):
        votes = log_likelihood + np.log(weights)[:, np.newaxis]
        votes = np.exp(votes - votes.max(0))
        weights = (votes / votes.sum(0)).sum(1) + _PULL
        weights /= weights.sum()
    return weights
