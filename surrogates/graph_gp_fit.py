"""Fit a Gaussian process over encodings: the most probable hyper-parameters.

    log p(z | theta) = -u.u / 2 - log det L - n/2 log 2 pi
    its gradient:  d/dtheta = tr[(alpha alpha^T - Sigma^-1) dK/dtheta] / 2,   alpha = L^-T u

with the symbols of ``graph_gp.py``. The hyper-parameters theta (logarithms) have normal priors;
L-BFGS maximises the posterior density. The likelihood and its gradient are written out rather than
left to autograd: with the distances of each block computed once, a fit of a hundred trials takes
some tens of milliseconds.

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bonas.encoders.layout import PRIOR, Layout
from bonas.surrogates.coregionalised_fit import fit_coregionalised
from bonas.surrogates.graph_gp import GraphGP, add_noise, residuals
from bonas.surrogates.kernel import BlockKernel, Term
from bonas.surrogates.lower_fidelity import LowerFidelity, usable
from bonas.surrogates.most_probable import Array, most_probable, priors_of
from bonas.surrogates.surrogate import supports
from bonas.surrogates.training_data import standardise

_FITTED = 200  # values that the hyper-parameters are fitted to: evenly spread over all
_PAIRS = 5  # finished trainings with a value at a lower fidelity, from which it is learnt from
_FIDELITIES = 3  # lower ones that are learnt from at most


@supports(known_noise=True, prior_mean=True, deterministic=True, lower_fidelity=True)
def fit_graph_gp(
    train_X: Tensor,
    train_Y: Tensor,
    layout: Layout,
    *,
    train_Yvar: Tensor | None = None,
    lower: LowerFidelity | None = None,
    terms: Sequence[Term] | None = None,
    shape: str = "rbf",
    embedding: bool = False,
    trend: bool = False,
    scores: bool = True,
) -> GraphGP:
    """Fit a Gaussian process with a sum of kernels over the blocks of the encoding.

    Args:
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN; these get the
            noise that is fitted.
        lower: Values at lower fidelities; they are learnt from where five finished trainings show
            what they tell, and at three fidelities at most. The model is then a
            ``CoregionalisedGP``.
        terms: (block, shape) pairs; by default one for each block, of the shape below.
        shape: ``rbf`` or ``matern12``, of the default terms; that of the block ``prior`` is linear,
            that of ``zero_cost`` is always rbf, since scores vary smoothly with what they predict.
        embedding: Whether the default terms have a matern12 one for the block ``gnn``; without it
            that block is left to other surrogates, unless there is nothing else.
        trend: Whether the default terms have a linear one for the block ``statistics`` as well:
            what each operation adds, learnt where the space knows no costs.
        scores: Whether the default terms have one for the block ``zero_cost``, if it is there;
            without it that block is left to other surrogates, unless there is nothing else.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: for a term over no block of the layout, or of an unknown shape.

    >>> X = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    >>> gp = fit_graph_gp(X, 3 * X, Layout({"width": slice(0, 1)}, {}), shape="matern12")
    >>> list(gp.hyperparameters)
    ['variance of width (matern12)', 'lengthscale of width (matern12)', 'noise']
    """
    if terms is None:
        layout, terms = _default_terms(layout, shape, embedding, trend, scores)
    kernel = BlockKernel(layout, terms)
    data = standardise(train_X, train_Y, train_Yvar)
    cheaper = usable(lower, _PAIRS, _FIDELITIES)
    if cheaper is not None:
        return fit_coregionalised(kernel, data, cheaper)
    every = slice(None, None, -(-len(data.z) // _FITTED))
    distances = kernel.distances(data.X[every], data.X[every])
    z, known = residuals(data, layout.prior_mean)[every], data.noise[every]
    point = most_probable(
        priors_of([*kernel.names, "noise"], layout.is_expected),
        lambda at: _negative_log_likelihood(kernel, distances, z, known, at),
    )
    found = kernel, point[:-1], float(point[-1]), data
    return GraphGP(*found, prior_mean=layout.prior_mean)


def _default_terms(
    layout: Layout, shape: str, embedding: bool, trend: bool, scores: bool = True
) -> tuple[Layout, list[Term]]:
    """Return the blocks that the default terms are over, and these terms."""
    if not scores:
        layout = _without(layout, "zero_cost")
    if not embedding:
        layout = _without(layout, "gnn")
    of_block = {PRIOR: "linear", "zero_cost": "rbf", **({"gnn": "matern12"} if embedding else {})}
    terms = [(block, of_block.get(block, shape)) for block in layout.architecture]
    if trend and "statistics" in layout.architecture:
        terms.append(("statistics", "linear"))
    return layout, terms


def _without(layout: Layout, name: str) -> Layout:
    """Return the layout with one block hidden, or as it is if there is nothing else."""
    left = layout.without(name)
    return left if left.architecture.keys() - {PRIOR} or left.parameters else layout


def _negative_log_likelihood(
    kernel: BlockKernel, distances: Tensor, z: Tensor, known: Tensor, point: Tensor
) -> tuple[float, Array]:
    """Compute it without its constant, and its gradient in ``point``: theta, then the log noise."""
    theta, log_noise = point[:-1], float(point[-1])
    parts = kernel.parts(theta, distances)
    L = torch.linalg.cholesky(add_noise(parts.matrix(), log_noise, known))
    inverse = torch.cholesky_inverse(L)
    alpha = inverse @ z
    W = 0.5 * (inverse - alpha @ alpha.T)  # d loss / dK
    value = 0.5 * float((z * alpha).sum()) + float(L.diagonal().log().sum())
    gradient = parts.gradient(W)
    by_noise = float(W.diagonal()[known.isnan()].sum()) * math.exp(log_noise)
    return value, np.append(gradient.numpy(), by_noise)
