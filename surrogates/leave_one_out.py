"""Leave-one-out prediction of a Gaussian process, in closed form.

    z_i | z_{-i} ~ N(z_i - alpha_i / P_ii, 1 / P_ii),   P = Sigma^-1 = (L L^T)^-1,   alpha = P z

Source: Rasmussen and Williams (2006), "Gaussian processes for machine learning", section 5.4.
"""

from __future__ import annotations

import math

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
