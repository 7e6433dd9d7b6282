"""The frame that bonas's models share: what BoTorch asks of a model, around one method."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from botorch.acquisition.objective import PosteriorTransform
from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from torch import Tensor


class BeliefModel(Model, ABC):
    """A fitted BoTorch model that says what it believes in ``_belief``; no batch of models."""

    @abstractmethod
    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        """The joint posterior at ``batch_shape x q x d``, with observation noise if ``noisy``."""

    @property
    def num_outputs(self) -> int:
        """One, unless a subclass has more."""
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        """Empty."""
        return torch.Size([])

    def posterior(
        self,
        X: Tensor,
        output_indices: list[int] | None = None,
        observation_noise: bool | Tensor = False,
        posterior_transform: PosteriorTransform | None = None,
    ) -> Posterior:
        """The joint belief about ``batch_shape x q x d`` points, without noise by default."""
        posterior = self._belief(X, observation_noise is not False)
        return posterior if posterior_transform is None else posterior_transform(posterior)
