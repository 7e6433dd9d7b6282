"""GDAS: one path, drawn with Gumbel noise, and gates with the gradient of a tempered softmax.

    h = onehot(argmax_o(log p_o + G_o))              G_o ~ Gumbel(0, 1), so that h ~ p
    s = softmax((log p + G) / tau)                   tau falls from 10 to 0.1 in equal steps
    gate of the chosen option = 1 + s - stop(s)

Parameters without a place for a gate learn by the score function, with the mean of two networks on
one batch as the baseline; where all have one, a step needs one network.

Source: Dong and Yang (2019), "Searching for a robust neural architecture in four GPU hours", CVPR.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from bonas.errors import InvalidSpace
from bonas.gradient_search.paths.estimator import combined
from bonas.gradient_search.paths.gates import scaled, straight_through
from bonas.gradient_search.paths.places import Place, Places
from bonas.gradient_search.paths.shared_weights import SharedWeights
from bonas.gradient_search.policy import Policy
from bonas.spaces import Choices

_TEMPERATURES = (10.0, 0.1)
_TRIES = 10_000  # draws of which none is allowed


class GumbelGates:
    """The estimator of GDAS.

    Args:
        policy: Draws networks.
        places: Of their modules.
        weights: Shared by the networks.
        generator: Of the draws.
    """

    def __init__(
        self, policy: Policy, places: Places, weights: SharedWeights, generator: torch.Generator
    ) -> None:
        self._policy, self._places, self._weights = policy, places, weights
        self._generator = generator

    def loss(self, progress: float) -> Tensor:
        """Return the loss of one network, or of two where some parameter has no gate."""
        first, last = _TEMPERATURES
        temperature = first + (last - first) * progress
        ungated = self._policy.logits.keys() - self._places.parameters
        drawn = [self.drawn(temperature) for _ in range(2 if ungated else 1)]
        built = self._weights.built([partial(self._places.built, c) for c, _ in drawn])
        with ExitStack() as stack:
            for (_, gates), (_, places) in zip(drawn, built, strict=True):
                stack.enter_context(scaled(_of_places(places, gates)))
            losses = self._weights.judged([network for network, _ in built])
        log_probs = [self._policy.log_prob(choices, of=ungated) for choices, _ in drawn]
        return combined(losses, torch.stack(log_probs))

    def settle(self) -> None:
        """Leave the logits as the optimizer made them."""

    def drawn(self, temperature: float) -> tuple[Choices, dict[str, Tensor]]:
        """Draw allowed choices; return them, and the gate of each parameter's chosen option.

        Raises:
            InvalidSpace: if none of 10,000 draws is allowed.
        """
        space = self._policy.space
        for _ in range(_TRIES):
            chosen, gates = {}, {}
            for name, logits in self._policy.logits.items():
                noisy = logits.log_softmax(0) + _gumbel(len(logits), self._generator)
                index = int(noisy.argmax())
                chosen[name] = space.distributions[name].choices[index]
                soft = (noisy / temperature).softmax(0)[index]
                gates[name] = straight_through(torch.ones_like(soft), soft)
            choices = space.completed(chosen)
            if space.allows(choices):
                return choices, gates
        raise InvalidSpace(
            f"none of {_TRIES:,} draws of a policy is allowed by {type(space).__name__}; its "
            "bounds leave too few networks to draw from"
        )


def _of_places(places: list[Place], gates: Mapping[str, Tensor]) -> dict[Place, Tensor]:
    """Return the gate of each place: the product of those of its parameters."""
    return {
        place: torch.stack([gates[name] for name in place.parameters]).prod() for place in places
    }


def _gumbel(n: int, generator: torch.Generator) -> Tensor:
    """Draw from the standard Gumbel distribution."""
    exponential = torch.empty(n, dtype=torch.float64).exponential_(generator=generator)
    return -exponential.log()
