"""Leave-one-out prediction of a Gaussian process, in closed form.

    z_i | z_{-i} ~ N(z_i - alpha_i / P_ii, 1 / P_ii),   P = Sigma^-1 = (L L^T)^-1,   alpha = P z

The same holds for groups b of values that are left out together:

    z_b | z_{-b} ~ N(z_b - C alpha_b, C),   C = (P_bb)^-1

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", section 5.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def loo_log_density(L: Tensor, alpha: Tensor, sd: float) -> Tensor:
    """Return ``n`` log densities, each of one value given the others.

    ``L``: ``n x n``, ``alpha``: ``n x 1``; the values are ``mean + sd z``.
    """
    precision = torch.cholesky_inverse(L).diagonal()
    error = alpha.squeeze(-1) / precision
    spread = precision.log() - math.log(2 * math.pi)
    log_density: Tensor = 0.5 * (spread - precision * error**2) - math.log(sd)
    return log_density


def left_out(L: Tensor, alpha: Tensor, groups: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the error and variance of the first value of each group, left out with the group.

    ``L``: ``r x r``, ``alpha``: ``r x 1``, both of standardised values.
    """
    precision = torch.cholesky_inverse(L)
    error = torch.empty(len(groups), dtype=L.dtype)
    variance = torch.empty_like(error)
    for size in sorted({len(group) for group in groups}):
        which = [g for g, group in enumerate(groups) if len(group) == size]
        rows = torch.tensor([list(groups[g]) for g in which])
        C = torch.linalg.inv(precision[rows.unsqueeze(2), rows.unsqueeze(1)])
        error[which] = (C @ alpha[rows]).squeeze(-1)[:, 0]
        variance[which] = C[:, 0, 0]
    return error, variance
