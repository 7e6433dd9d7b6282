"""The score function: gradients of expectations over choices that are drawn.

    d E[f] / d theta = E[f(x) d log p(x) / d theta],    x ~ p
                     ~ 1 / (n - 1) sum_i (f(x_i) - mean f) d log p(x_i) / d theta

Centring by the mean of the draws themselves leaves the estimate unbiased with the divisor
``n - 1``: it is the covariance of the value and the score. It stays unbiased where draws that a
space does not allow are rejected. Then ``p`` is known up to a constant ``Z``, and

    d E[f | allowed] / d theta = Cov(f, d log p / d theta | allowed)

in which ``d log Z / d theta``, the mean of the scores, drops out. Of single draws a moving average
of earlier values takes the place of the mean.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", Machine Learning 8; Kool, van Hoof and Welling (2019), "Buy 4 REINFORCE
samples, get a baseline for free!", ICLR workshop.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass
class MovingBaseline:
    """An exponential moving average of values, corrected for its start.

    Attributes:
        momentum: The weight of the past, in [0, 1).
    """

    momentum: float = 0.9
    total: float = 0.0
    weight: float = 0.0

    @property
    def mean(self) -> float | None:
        """The average so far; None before the first value."""
        return self.total / self.weight if self.weight else None

    def add(self, value: float) -> None:
        """Take a value into the average."""
        self.total = self.momentum * self.total + (1 - self.momentum) * value
        self.weight = self.momentum * self.weight + (1 - self.momentum)

    def centred(self, value: float) -> float:
        """Return a value minus the average before it (0 for the first one), and take it in."""
        before = self.mean
        self.add(value)
        return 0.0 if before is None else value - before
