"""Sizes: the parameters of a space whose options are ordered, and its extreme networks.

Options are ordered if they are numbers, or True and False. The larger one is that with which the
network has more multiply-adds (parameters, where those are unknown): a larger patch makes a
smaller network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from bonas.arguments import is_number
from bonas.errors import BonasError
from bonas.spaces import Choice, Choices, Space

_CLIMBS = 8  # extreme networks that are found where the naive one is not allowed


def is_sized(options: Sequence[Choice]) -> bool:
    """Return whether options are numbers.

    >>> is_sized((8, 16)), is_sized((False, True)), is_sized(("relu", "gelu"))
    (True, False, False)
    """
    return all(map(is_number, options))


class Sizes:
    """The ordered parameters of a space.

    Attributes:
        options: The name of each -> its options from the smallest to the largest.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        own = {name: tuple(d.choices) for name, d in space.distributions.items()}
        rising = {name: _sorted(x) for name, x in own.items() if _is_ordered(x)}
        top = {name: x[-1] for name, x in rising.items()}
        self.options: Mapping[str, tuple[Choice, ...]] = {
            name: x[::-1] if self._falls(name, x, top) else x for name, x in rising.items()
        }
        self._found: dict[bool, list[Choices]] = {True: [], False: []}

    def largest(self, rng: np.random.Generator) -> Choices:
        """Return an allowed network of which no ordered option can be raised; others are drawn.

        Raises:
            InvalidSpace: if no network is allowed.
        """
        return self._extreme(rng, largest=True)

    def smallest(self, rng: np.random.Generator) -> Choices:
        """Return an allowed network of which no ordered option can be lowered; others are drawn.

        Raises:
            InvalidSpace: if no network is allowed.
        """
        return self._extreme(rng, largest=False)

    def _extreme(self, rng: np.random.Generator, *, largest: bool) -> Choices:
        ends = {name: x[-1 if largest else 0] for name, x in self.options.items()}
        naive = self._space.completed(ends, rng)
        if self._space.allows(naive):
            return naive
        found = self._found[largest]
        if not found:  # from a generator of their own: what was drawn before decides nothing
            fixed = np.random.default_rng(0)
            found += [self._climb(fixed, largest=largest) for _ in range(_CLIMBS)]
        return found[int(rng.integers(len(found)))]

    def _climb(self, rng: np.random.Generator, *, largest: bool) -> Choices:
        """Move options to their ends, one after another in random order, while that is allowed."""
        choices, moved = self._space.sample(rng), True
        while moved:
            moved = False
            names = [name for name in self.options if name in choices]
            for i in rng.permutation(len(names)):
                better = self._moved(choices, names[int(i)], largest=largest)
                if better is not None:
                    choices, moved = better, True
        return choices

    def _moved(self, choices: Choices, name: str, *, largest: bool) -> Choices | None:
        """Return the choices with one option as near to its end as is allowed; None if it is."""
        if name not in choices:
            return None
        options = self.options[name][:: -1 if largest else 1]
        for option in options[: options.index(choices[name])]:
            tried = self._space.completed({**choices, name: option})
            if self._space.allows(tried):
                return tried
        return None

    def _falls(self, name: str, rising: Sequence[Choice], top: Choices) -> bool:
        """Return whether the highest number makes a smaller network than the lowest."""
        with suppress(BonasError):
            high = self._space.completed(top)
            low = self._space.completed({**top, name: rising[0]})
            if name in high and name in low:
                return _cost(self._space, high) < _cost(self._space, low)
        return False


def _is_ordered(options: Sequence[Choice]) -> bool:
    return is_sized(options) or all(isinstance(option, bool) for option in options)


def _sorted(options: Sequence[Choice]) -> tuple[Choice, ...]:
    return tuple(sorted(options, key=lambda option: float(option)))  # type: ignore[arg-type]  # numbers


def _cost(space: Space, choices: Choices) -> float:
    costs = space.costs(choices)
    return costs.get("multiply_adds", costs.get("parameters", 0.0))
