"""How much of what a Gaussian process predicts is said by its transfer prior.

    E[f | z] = g + h,   g = m(x) + K_p alpha,   h = (K - K_p) alpha,   alpha = Sigma^-1 (z - m)
    share = var g / (var g + var h)

with the symbols of ``graph_gp.py``; K_p is the linear term over the block ``prior``, and the
variances are those between the measured architectures. The variances that the kernel gives to its
terms would not do: where a prior is expected to be right, that of its weight hardly moves.

Source: Duvenaud, Nickisch and Rasmussen (2011), "Additive Gaussian processes", NeurIPS 24 (the
posterior of one term).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from botorch.models.model import Model
from torch import Tensor

from bonas.encoders.layout import PRIOR
from bonas.surrogates.coregionalised_kernel import CoregionalisedKernel
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.kernel import BlockKernel, Kernel
from bonas.surrogates.mixture import Mixture

_TERM = (PRIOR, "linear")


def share_of_prior(model: Model) -> float | None:
    """Return the share in [0, 1] of what is predicted that a transfer prior says.

    Of a mixture the weighted mean; None for a model without such a prior, or one that does not say.
    """
    if isinstance(model, Mixture):
        shares = [share_of_prior(member) for member in model.members]
        known = [share for share in shares if share is not None]
        if len(known) < len(shares):
            return None
        return float(model.weights @ model.weights.new_tensor(known))
    if not isinstance(model, GraphGP):
        return None
    part = _part_of_prior(model.kernel, model.theta)
    if part is None:
        return None
    kernel, theta = part
    alpha = torch.linalg.solve_triangular(model.L.T, model.u, upper=True).squeeze(1)
    X = model.data.X
    if isinstance(kernel, CoregionalisedKernel):
        X = X[X[:, -1] == 0]  # final values
    said = kernel.covariance(theta, X, model.data.X) @ alpha
    others = model.kernel.covariance(model.theta, X, model.data.X) @ alpha - said
    expected = model.prior_mean(X)
    if expected is not None:
        said = said + expected
    of_prior, of_others = float(said.var(correction=0)), float(others.var(correction=0))
    total = of_prior + of_others
    return of_prior / total if total > 0 else 0.0


def _part_of_prior(kernel: Kernel, theta: Tensor) -> tuple[Kernel, Tensor] | None:
    """Return the term over the prior as a kernel, with its theta; None if there is none."""
    base = kernel.base if isinstance(kernel, CoregionalisedKernel) else kernel
    if not isinstance(base, BlockKernel) or _TERM not in base.terms:
        return None
    t, constants = list(base.terms).index(_TERM), min(1, base.p)
    nothing = theta.new_full((constants,), -torch.inf)  # log s_p
    own = torch.cat([theta[t : t + 1], nothing, theta[base.first + constants :]])
    alone = replace(base, terms=(_TERM,))
    if isinstance(kernel, CoregionalisedKernel):
        return replace(kernel, base=alone), own
    return alone, own
