"""What a surrogate can do."""

from __future__ import annotations

from typing import Protocol

from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout


class Surrogate(Protocol):
    """Fits a BoTorch model of one objective to encodings and values.

    ``GraphGP``, ``GNNEnsemble`` and ``Mixture`` are such classes; so is any function that returns a
    fitted BoTorch model, and ``functools.partial(GNNEnsemble, hidden=64)``.
    """

    def __call__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int) -> Model:
        """A model of ``n x 1`` values at ``n x d`` encodings; the same seed, the same model."""
        ...


class HeldOutModel(Protocol):
    """A model that knows how well it would have predicted each value without it."""

    def posterior(self, X: Tensor, *, observation_noise: bool | Tensor = False) -> Posterior:
        """The joint belief, Gaussian or a mixture of Gaussians."""
        ...

    def held_out_log_density(self) -> Tensor:
        """``n`` log densities."""
        ...


class HeldOutSurrogate(Protocol):
    """A surrogate that a mixture can weigh."""

    def __call__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int) -> HeldOutModel:
        """A model of ``n x 1`` values at ``n x d`` encodings; the same seed, the same model."""
        ...
