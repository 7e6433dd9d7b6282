"""ProxylessNAS: two sampled paths per decision, of which a binary gate lets one through.

    two different options, drawn from p without replacement; w = softmax of their two logits
    y = g_1 o_1(x) + g_2 o_2(x)          g = h + w - stop(w),   h one-hot, drawn from w
    dL/dlogit_i = sum_j <dL/dy, o_j(x)> w_j (1[i = j] - w_i)

This is the gradient-based variant of the source, not its REINFORCE variant. After the step the two
logits are shifted, so that the probabilities of options that were not drawn stay as they were; with
a penalty in the loss, whose gradient all logits have, they are not.

Where several parameters decide on one module, as kernel and expansion of a block, the second path
has other options of all, and the logits are summed. Parameters of which two options cannot be
computed in one network (widths, depths, the states that a DARTS operation reads) learn by the score
function, with the mean of two networks on one batch as the baseline.

Source: Cai, Zhu and Han (2019), "ProxylessNAS: Direct neural architecture search on target task and
hardware", ICLR, section 3.2.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from bonas.gradient_search.absence import is_absent
from bonas.gradient_search.paths.estimator import combined, drawn_index
from bonas.gradient_search.paths.gates import paired, scaled, straight_through
from bonas.gradient_search.paths.places import Place, Places
from bonas.gradient_search.paths.shared_weights import SharedWeights
from bonas.gradient_search.policy import Policy
from bonas.spaces import Choice, Choices

Built = tuple[nn.Module, list[Place]]


@dataclass(frozen=True, slots=True)
class Paths:
    """Two options of some parameters.

    Attributes:
        choices: Of the network that runs: the first options, but none without a module.
        second: A parameter -> its other option.
        other: Choices of a network whose modules are the second paths.
    """

    choices: Choices
    second: Choices
    other: Choices


class BinaryGates:
    """The estimator of ProxylessNAS.

    Args:
        policy: Draws networks.
        places: Of their modules.
        weights: Shared by the networks.
        generator: Of the draws.
        keeps: Whether options that are not drawn keep their probabilities.
    """

    def __init__(
        self,
        policy: Policy,
        places: Places,
        weights: SharedWeights,
        generator: torch.Generator,
        *,
        keeps: bool = True,
    ) -> None:
        self._policy, self._places, self._weights = policy, places, weights
        self._generator, self._keeps = generator, keeps
        self._before: dict[str, tuple[list[int], Tensor]] = {}

    def loss(self, progress: float) -> Tensor:
        """Return the loss of one network with two paths, or of two such networks."""
        ungated = self._policy.logits.keys() - self._places.exchangeable
        drawn = [self.drawn() for _ in range(2 if ungated else 1)]
        builds = [partial(self._places.built, c) for p in drawn for c in (p.choices, p.other)]
        built = self._weights.built(builds)
        with ExitStack() as stack:
            for paths, one, other in zip(drawn, built[::2], built[1::2], strict=True):
                self._gate(stack, paths, one, other)
            losses = self._weights.judged([network for network, _ in built[::2]])
        self._remember(drawn)
        log_probs = [self._policy.log_prob(paths.choices, of=ungated) for paths in drawn]
        return combined(losses, torch.stack(log_probs))

    def settle(self) -> None:
        """Shift the logits of the options that were drawn; the others keep their probability."""
        if self._keeps:
            with torch.no_grad():
                for name, (indices, before) in self._before.items():
                    own = self._policy.logits[name]
                    own[indices] += before - own[indices].logsumexp(0)

    def drawn(self) -> Paths:
        """Draw allowed choices, and other options of the parameters that a place needs."""
        space = self._policy.space
        first = dict(self._policy.sample(self._generator))
        exchangeable = self._places.exchangeable
        second = {name: self._other(name, x) for name, x in first.items() if name in exchangeable}
        for name, option in second.items():
            if is_absent(space, first[name]):  # the network that runs has to have a module there
                first[name], second[name] = option, first[name]
        choices = space.completed({**self._policy.options(self._generator), **first})
        there = {name: option for name, option in second.items() if not is_absent(space, option)}
        rest = self._policy.options(self._generator)
        return Paths(choices, second, space.completed({**rest, **choices, **there}))

    def _other(self, name: str, option: Choice) -> Choice:
        """Draw another option of a parameter."""
        options = self._policy.space.distributions[name].choices
        left = self._policy.logits[name].detach().softmax(0).clone()
        left[options.index(option)] = 0.0
        if not left.sum() > 0.0:  # all probability is on one option
            left = torch.ones_like(left)
            left[options.index(option)] = 0.0
        found: Choice = options[drawn_index(left, self._generator)]
        return found

    def _gate(self, stack: ExitStack, paths: Paths, one: Built, other: Built) -> None:
        """Put the gates of two paths into a network."""
        space, seconds = self._policy.space, {place.name: place.module for place in other[1]}
        gates: dict[tuple[str, ...], Tensor] = {}
        both: dict[Place, tuple[Tensor, nn.Module]] = {}
        alone: dict[Place, Tensor] = {}
        for whole in one[1]:
            place = whole.of(set(paths.second))
            absent = all(is_absent(space, paths.second[n]) for n in place.parameters)
            if place.parameters and (absent or place.name in seconds):
                if place.parameters not in gates:
                    gates[place.parameters] = self._gates(paths, place.parameters)
                own = gates[place.parameters]
                if absent:
                    alone[place] = own[0]
                else:
                    both[place] = own, seconds[place.name]
        stack.enter_context(scaled(alone))
        stack.enter_context(paired(both))

    def _gates(self, paths: Paths, parameters: tuple[str, ...]) -> Tensor:
        """Draw the two gates of a decision."""
        sums = [
            torch.stack([self._logit(name, choices[name]) for name in parameters]).sum()
            for choices in (paths.choices, paths.second)
        ]
        weights = torch.stack(sums).softmax(0)
        hard = torch.zeros_like(weights)
        hard[drawn_index(weights, self._generator)] = 1.0
        return straight_through(hard, weights)

    def _logit(self, name: str, option: Choice) -> Tensor:
        return self._policy.logits[name][self._index(name, option)]

    def _index(self, name: str, option: Choice) -> int:
        return self._policy.space.distributions[name].choices.index(option)

    def _remember(self, drawn: list[Paths]) -> None:
        """Remember the mass of the options that were drawn."""
        self._before = {}
        for name in dict.fromkeys(name for paths in drawn for name in paths.second):
            options = {
                option
                for paths in drawn
                if name in paths.second
                for option in (paths.choices.get(name), paths.second[name])
            }
            indices = sorted(self._index(name, option) for option in options)
            mass = self._policy.logits[name].detach()[indices].logsumexp(0)
            self._before[name] = indices, mass
