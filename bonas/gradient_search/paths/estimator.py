"""Estimators: how a step of the logits is computed from networks that the policy draws."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from bonas.gradient_search.score_function import estimate


class Estimator(Protocol):
    """Draws networks, and returns what the logits descend."""

    def loss(self, progress: float, /) -> Tensor:
        """Return the loss of the policy, whose gradient is that of the logits: a scalar.

        Args:
            progress: The share of the search that is over, in [0, 1).
        """
        ...

    def settle(self) -> None:
        """Correct the logits after their step."""
        ...


def combined(losses: Tensor, log_probs: Tensor) -> Tensor:
    """Return the mean loss of ``n`` networks, with two gradients: of gates, and by the scores.

    Args:
        losses: ``n`` losses, with the gradients of the gates in the networks.
        log_probs: ``n`` log-probabilities of the choices without a gate.
    """
    known = losses.double().cpu()
    if len(known) == 1:
        return known[0]
    scores = estimate(known.detach(), log_probs)
    return known.mean() + scores - scores.detach()


def drawn_index(probabilities: Tensor, generator: torch.Generator) -> int:
    """Draw an index."""
    return int(torch.multinomial(probabilities.detach(), 1, generator=generator))
