"""The fair rule: each option of each parameter is used exactly once per step.

With ``n`` options per parameter a step has ``n`` networks; the i-th one has the i-th option of a
random permutation of each parameter's options:

    path_i = (pi_1(i), ..., pi_d(i)),   pi_1, ..., pi_d independent permutations of n

No option is trained more than another at any time, and no order of updates favours one. Where a
network is not allowed, options are exchanged between the networks of the step, which keeps the
counts. Options of a parameter that does not apply are dropped, so that those of a conditional one
are drawn without replacement by the networks to which it applies. A parameter of ``k < n`` options
uses each of them ``floor(n / k)`` or ``ceil(n / k)`` times.

Source: Chu, Zhang and Xu, "FairNAS: Rethinking evaluation fairness of weight sharing neural
architecture search", ICCV 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bonas.spaces import Choice, Choices, Space
from bonas.supernets.training.rule import Step

_SWAPS = 10  # per network of a step, to make all of them allowed


@dataclass(frozen=True, slots=True)
class Fair:
    """As many networks per step as a parameter has options, each option in one of them."""

    name = "fair"

    def describe(self) -> dict[str, Any]:
        """Return its name."""
        return {"rule": self.name}

    def on(self, space: Space) -> FairSampler:
        """Apply the rule to a space; it suits every one."""
        return FairSampler(space)


class FairSampler:
    """Deals the options of a space to the networks of a step."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._options = {name: tuple(d.choices) for name, d in space.distributions.items()}
        self.paths = max(map(len, self._options.values()))
        """How many networks a step has, if all can be made allowed."""

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        """Deal all options; networks that cannot be made allowed are left out of the step."""
        hands = [dict[str, Choice]() for _ in range(self.paths)]
        for name, options in self._options.items():
            for hand, option in zip(hands, _dealt(options, self.paths, rng), strict=True):
                hand[name] = option
        self._exchange(hands, rng)
        allowed = [path for path in map(self._path, hands) if self._space.allows(path)]
        return Step(tuple(allowed) or (self._space.sample(rng),))

    def _exchange(self, hands: list[dict[str, Choice]], rng: np.random.Generator) -> None:
        """Exchange options between networks until all are allowed, as far as that is possible."""
        good = [self._space.allows(self._path(hand)) for hand in hands]
        names = list(self._options)
        for _ in range(_SWAPS * len(hands)):
            if all(good) or len(hands) == 1:
                return
            i = int(rng.choice([i for i, fine in enumerate(good) if not fine]))
            j = int(rng.choice([j for j in range(len(hands)) if j != i]))
            name = names[int(rng.integers(len(names)))]
            tried = [_with(hands[i], name, hands[j]), _with(hands[j], name, hands[i])]
            fine = [self._space.allows(self._path(hand)) for hand in tried]
            if sum(fine) >= good[i] + good[j]:
                hands[i], hands[j] = tried
                good[i], good[j] = fine

    def _path(self, hand: Mapping[str, Choice]) -> Choices:
        return self._space.completed(hand)  # without the options that do not apply


def _dealt(options: Sequence[Choice], n: int, rng: np.random.Generator) -> list[Choice]:
    """Return ``n`` options in random order, each as often as any other, give or take one."""
    rounds = math.ceil(n / len(options))
    picked = [int(i) for _ in range(rounds) for i in rng.permutation(len(options))][:n]
    return [options[picked[int(i)]] for i in rng.permutation(n)]


def _with(own: Mapping[str, Choice], name: str, other: Mapping[str, Choice]) -> dict[str, Choice]:
    return {**own, name: other[name]}
