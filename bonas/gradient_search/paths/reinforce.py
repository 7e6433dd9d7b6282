"""ENAS: networks are drawn, and the policy moves towards those that do better than the others.

    dJ/dtheta ~ 1 / (n - 1) sum_i (l_i - mean l) dlog p(x_i)/dtheta
    l_i = loss of network x_i with the shared weights + beta log p(x_i)

The mean of the ``n`` networks of a step, all on one batch, is the baseline (``score_function``);
``beta`` is the weight of the entropy. The controller of the source is a recurrent network; here the
policy has a vector of logits per parameter, so that it works for every space. The loss takes
the place of the source's accuracy: it ranks better on few rows.

Source: Pham, Guan, Zoph, Le and Dean (2018), "Efficient neural architecture search via parameter
sharing", ICML.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from bonas.gradient_search.paths.shared_weights import SharedWeights
from bonas.gradient_search.policy import Policy
from bonas.gradient_search.score_function import estimate
from bonas.supernets.supernet import Supernet

_NETWORKS = 4  # of a step
_ENTROPY = 1e-4  # nats of loss per nat of entropy


class Reinforce:
    """The estimator of ENAS.

    Args:
        policy: Draws networks.
        supernet: Builds them.
        weights: Shared by the networks.
        generator: Of the draws.
    """

    def __init__(
        self,
        policy: Policy,
        supernet: Supernet,
        weights: SharedWeights,
        generator: torch.Generator,
    ) -> None:
        self._policy, self._supernet, self._weights = policy, supernet, weights
        self._generator = generator

    def loss(self, progress: float) -> Tensor:
        """Return the mean loss of some networks, with the gradient of the score function."""
        drawn = [self._policy.sample(self._generator) for _ in range(_NETWORKS)]
        networks = self._weights.built([partial(self._supernet.network, c) for c in drawn])
        log_probs = torch.stack([self._policy.log_prob(choices) for choices in drawn])
        with torch.no_grad():
            losses = self._weights.judged(networks).double().cpu()
        return estimate(losses + _ENTROPY * log_probs.detach(), log_probs)

    def settle(self) -> None:
        """Leave the logits as the optimizer made them."""
