"""Models: what they can do beyond BoTorch's interface, and the frame that bonas's own share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol, Self, runtime_checkable

import torch
from botorch.acquisition.objective import PosteriorTransform
from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.errors import InvalidArgument

_CHUNK = 4_096  # points per call of ``posterior``


@runtime_checkable
class SupportsConditioning(Protocol):
    """A model that can take other data and keep its hyper-parameters.

    A search then fits hyper-parameters at some trials only, not at each.
    """

    def condition_on(
        self, train_X: Tensor, train_Y: Tensor, train_Yvar: Tensor | None = None
    ) -> Self:
        """Return a model of ``n x 1`` values at ``n x d`` encodings: of all data, old and new."""
        ...


@runtime_checkable
class SupportsMarginals(Protocol):
    """A model with a fast way to the marginal posteriors of many points."""

    def marginals(self, pool: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and variances, ``N`` each, of ``N x d`` points."""
        ...


@runtime_checkable
class SupportsLOO(Protocol):
    """A model that knows how well it would have predicted each value without having seen it.

    A mixture weighs its members by that. Their posteriors are Gaussian or mixtures of Gaussians.
    """

    def posterior(self, X: Tensor, *, observation_noise: bool = False) -> Posterior:
        """Return the joint posterior."""
        ...

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities, each of one value given the others (leave one out)."""
        ...


@runtime_checkable
class SupportsWeights(Protocol):
    """A model that is a mixture: ``weights`` holds one number per member, and they sum to 1."""

    weights: Tensor


def marginals(model: Model, pool: Tensor) -> tuple[Tensor, Tensor]:
    """Return means and variances, ``N`` each, of ``N x d`` points under any BoTorch model."""
    if isinstance(model, SupportsMarginals):
        return model.marginals(pool)
    chunks = torch.split(pool.unsqueeze(1), _CHUNK)
    parts: list[Any] = [model.posterior(chunk) for chunk in chunks]  # Posterior declares no mean
    mean = torch.cat([part.mean.reshape(-1) for part in parts])
    return mean, torch.cat([part.variance.reshape(-1) for part in parts])


class SurrogateModel(Model, ABC):
    """The frame of bonas's models: one output unless a subclass has more, no batch of models."""

    @abstractmethod
    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        """Return the posterior at ``batch_shape x q x d``, with observation noise if ``noisy``."""

    @property
    def num_outputs(self) -> int:
        """The number of outputs."""
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        """The empty shape: there is one model."""
        return torch.Size([])

    def posterior(
        self,
        X: Tensor,
        output_indices: list[int] | None = None,
        observation_noise: bool | Tensor = False,
        posterior_transform: PosteriorTransform | None = None,
    ) -> Posterior:
        """Return the joint posterior of ``batch_shape x q x d`` points.

        Args:
            X: The points.
            output_indices: All outputs in their order, which is the default.
            observation_noise: Whether to add the fitted observation noise.
            posterior_transform: Applied to the posterior.

        Raises:
            InvalidArgument: for a choice of outputs, or noise that is given as a tensor.
        """
        every = list(range(self.num_outputs))
        if output_indices is not None and list(output_indices) != every:
            raise InvalidArgument(
                f"{type(self).__name__} expected output_indices None or {every}, got "
                f"{output_indices}; it has no posterior of some outputs alone, choose them from "
                "the whole one"
            )
        if not isinstance(observation_noise, bool):
            raise InvalidArgument(
                f"{type(self).__name__} expected observation_noise True or False, got a "
                f"{type(observation_noise).__name__}; it adds the noise that it has fitted, and "
                "takes no other"
            )
        posterior = self._joint_posterior(X, observation_noise)
        return posterior if posterior_transform is None else posterior_transform(posterior)
