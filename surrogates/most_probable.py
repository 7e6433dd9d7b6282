"""The most probable hyper-parameters: a maximum of the posterior density, found by L-BFGS.

Each hyper-parameter (most are logarithms) has a normal prior. The search begins at the priors'
means and stays within four of their standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import Tensor

from bonas.encoders.layout import PRIOR

Array = npt.NDArray[np.float64]
Prior = tuple[float, float]
"""Mean and standard deviation."""

PRIORS: Mapping[str, Prior] = {  # of a hyper-parameter's logarithm, by the first word of its name
    "variance": (math.log(0.5), 1.0),
    "lengthscale": (0.0, 1.0),
    "weight": (0.0, 1.5),
    "noise": (math.log(1e-2), 1.0),
}
_EXPECTED = {f"weight of {PRIOR}": (math.log(0.2), 0.3)}  # +- 0.45 around what is expected
_TOLERANCE = 1e-6  # relative change of the log density at which the search ends


def priors_of(names: Sequence[str], is_expected: bool = False) -> list[Prior]:
    """Return the prior of each hyper-parameter of a ``BlockKernel``, or of ``noise``.

    Args:
        names: Of the hyper-parameters.
        is_expected: Whether the block ``prior`` is expected to be right (``Layout.is_expected``).
    """
    own = _EXPECTED if is_expected else {}
    return [own.get(name, PRIORS[name.split(" ", 1)[0]]) for name in names]


def most_probable(
    priors: Sequence[Prior], negative_log_likelihood: Callable[[Tensor], tuple[float, Array]]
) -> Tensor:
    """Return the point that maximises the posterior density.

    Args:
        priors: One per hyper-parameter.
        negative_log_likelihood: Returns it, up to a constant, and its gradient.
    """
    mean, sd = np.array(priors, dtype=np.float64).T

    def loss(point: Array) -> tuple[float, Array]:
        """Compute the negative log posterior density and its gradient."""
        value, gradient = negative_log_likelihood(torch.from_numpy(point))
        deviation = (point - mean) / sd
        return value + 0.5 * float(deviation @ deviation), gradient + deviation / sd

    bounds = list(zip(mean - 4 * sd, mean + 4 * sd, strict=True))
    found = minimize(
        loss, mean, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": _TOLERANCE}
    )
    return torch.from_numpy(np.asarray(found.x, dtype=np.float64))
