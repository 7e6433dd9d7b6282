"""The score function: gradients of expectations over choices that are drawn.

    d E[f] / d theta = E[f(x) d log p(x) / d theta],    x ~ p
                     ~ 1 / (n - 1) sum_i (f(x_i) - mean f) d log p(x_i) / d theta

Centring by the mean of the draws themselves leaves the estimate unbiased with the divisor
``n - 1``: it is the covariance of the value and the score. It stays unbiased where draws that a
space does not allow are rejected. Then ``p`` is known up to a constant ``Z``, and

    d E[f | allowed] / d theta = Cov(f, d log p / d theta | allowed)

in which ``d log Z / d theta``, the mean of the scores, drops out.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", Machine Learning 8; Kool, van Hoof and Welling (2019), "Buy 4 REINFORCE
samples, get a baseline for free!", ICLR workshop.
"""

from __future__ import annotations

from torch import Tensor


def estimate(values: Tensor, log_probs: Tensor) -> Tensor:
    """Return the mean of ``n`` values of draws, with the gradient of their expectation.

    Args:
        values: ``n`` numbers without gradient, ``n >= 2``.
        log_probs: The ``n`` log-probabilities of the draws, with gradient.
    """
    centred = (values - values.mean()) / (len(values) - 1)
    return with_gradient(values.mean(), (centred * log_probs).sum())


def with_gradient(value: Tensor, carrier: Tensor) -> Tensor:
    """Return ``value`` with the gradient of ``carrier``."""
    return value.detach() + (carrier - carrier.detach())
