"""Training data of a surrogate: encodings and standardised values, checked once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.errors import FitFailed

_LEAST_SD = 1e-9  # relative to the largest value: below it the values are constant
_MOST_NOISE = 1e8  # in units of the values' variance: noisier values carry no information


@dataclass(frozen=True)
class TrainingData:
    """``X``: ``n x d``; ``z``: ``n x 1`` with mean 0 and standard deviation 1; y = mean + sd z.

    ``noise``: ``n`` variances of the values, in units of ``sd`` squared; NaN where unknown.
    """

    X: Tensor
    z: Tensor
    mean: float
    sd: float
    noise: Tensor

    def starts_with(self, other: TrainingData) -> bool:
        """Return whether the first rows have the encodings and the known variances of ``other``."""
        n = len(other.X)
        return (
            len(self.X) >= n
            and torch.equal(self.X[:n], other.X)
            and torch.equal(self.noise[:n].nan_to_num(-1), other.noise.nan_to_num(-1))
        )


def standardise(train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None) -> TrainingData:
    """Check, convert to float64 and standardise; constant values get ``sd`` 1.

    Raises:
        FitFailed: if there is no value, the shapes do not fit, a number is not finite, or a known
            variance is negative.
    """
    X, Y = train_X.detach().to(torch.float64), train_Y.detach().to(torch.float64)
    if X.ndim != 2 or Y.shape != (len(X), 1) or len(X) == 0:
        raise FitFailed(
            "expected encodings n x d and values n x 1 with n at least 1, "
            f"got {tuple(X.shape)} and {tuple(Y.shape)}"
        )
    if not (X.isfinite().all() and Y.isfinite().all()):
        raise FitFailed("encodings and values must be finite; leave failed trials out")
    mean = float(Y.mean())
    sd = float(Y.std(correction=0))
    if sd <= _LEAST_SD * float(Y.abs().max()):
        sd = 1.0
    noise = torch.full((len(Y),), torch.nan, dtype=torch.float64)
    if train_Yvar is not None:
        if train_Yvar.shape != Y.shape or bool((train_Yvar < 0).any()):
            raise FitFailed(
                "expected variances n x 1, none negative and NaN where unknown, "
                f"got {tuple(train_Yvar.shape)} with the least {train_Yvar.min().item()}"
            )
        noise = train_Yvar.detach().to(torch.float64).squeeze(1) / sd**2
        noise = noise.clamp_max(_MOST_NOISE)
    return TrainingData(X, (Y - mean) / sd, mean, sd, noise)
