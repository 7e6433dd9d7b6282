"""What a surrogate can do."""

from __future__ import annotations

import inspect
from typing import Any, Protocol, Self, runtime_checkable

import torch
from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.settings import own_settings

_CHUNK = 4_096  # points asked about at once


class Surrogate(Protocol):
    """Fits a BoTorch model of one objective to encodings and values.

    ``GraphGP``, ``GNNEnsemble`` and ``Mixture`` are such classes; so is any function that returns a
    fitted BoTorch model, and ``functools.partial(GNNEnsemble, hidden=64)``. One that also takes a
    keyword ``train_Yvar`` is told the variances of values where an evaluation reports them.
    """

    def __call__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int) -> Model:
        """A model of ``n x 1`` values at ``n x d`` encodings; the same seed, the same model."""
        ...


@runtime_checkable
class Conditionable(Protocol):
    """A model that can take other data in and keep its hyper-parameters.

    A search then fits those at some trials only, not at each.
    """

    def conditioned(
        self, train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None
    ) -> Self:
        """A model of ``n x 1`` values at ``n x d`` encodings."""
        ...


@runtime_checkable
class Screening(Protocol):
    """A model with a fast way to the belief about many points, each by itself."""

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances, ``N`` each, of ``N x d`` points."""
        ...


@own_settings()
def fitted(
    surrogate: Surrogate | HeldOutSurrogate,
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None,
    layout: Layout,
    seed: int,
) -> Any:
    """The model of a surrogate, which is told the known variances if it has a ``train_Yvar``."""
    known = train_Yvar is not None and not bool(train_Yvar.isnan().all())
    if known and "train_Yvar" in inspect.signature(surrogate).parameters:
        told: Any = surrogate
        return told(train_X, train_Y, layout, seed, train_Yvar=train_Yvar)
    return surrogate(train_X, train_Y, layout, seed)


def marginals(model: Any, pool: Tensor) -> tuple[Tensor, Tensor]:
    """Means and variances, ``N`` each, of ``N x d`` points under any BoTorch model."""
    if isinstance(model, Screening):
        return model.marginals(pool)
    parts = [model.posterior(chunk) for chunk in torch.split(pool.unsqueeze(1), _CHUNK)]
    mean = torch.cat([part.mean.reshape(-1) for part in parts])
    return mean, torch.cat([part.variance.reshape(-1) for part in parts])


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
