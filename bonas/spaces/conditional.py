"""Spaces in which a parameter may depend on the choices before it.

A combination is complete when it names every parameter that applies, and no other: the kernel of a
third block only if there are three blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.space import Space


class ConditionalSpace(Space):
    """A space whose subclasses declare by ``applies`` which parameters belong together.

    A subclass gives ``parameters``, or ``options`` where some may have one value only. ``size``
    counts as if all parameters applied, so it is an upper bound.
    """

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The name of everything that is chosen -> its options; a single option is a constant."""
        return {}

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[Choice]]:  # type: ignore[override]  # derived here
        """The ``options`` that have more than one value."""
        return {name: options for name, options in self.options.items() if len(options) > 1}

    def chosen(self, choices: Choices, name: str) -> Any:
        """Return the value of a parameter, or the constant in its place."""
        return choices[name] if name in self.parameters else self.options[name][0]

    def applies(self, name: str, earlier: Choices) -> bool:
        """Return whether a parameter exists, given the choices of those before it."""
        return True

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        """Return a complete combination that extends a part of one; only what applies is in it."""
        kept: dict[str, Choice] = {}
        for name, value in super().completed(some, rng).items():
            if self.applies(name, kept):
                kept[name] = value
        return kept

    def chosen_by(self, choose: Callable[[str, Sequence[Choice]], Choice]) -> dict[str, Choice]:
        """Return the combination that ``choose`` picks, called once per name that applies."""
        kept: dict[str, Choice] = {}
        for name, distribution in self.distributions.items():
            if self.applies(name, kept):
                kept[name] = choose(name, distribution.choices)
        return kept

    def combinations(self) -> Iterator[Choices]:
        """Yield every complete combination once, the last parameter changing fastest."""
        return self._extended({}, list(self.distributions))

    def _extended(self, kept: Choices, names: Sequence[str]) -> Iterator[Choices]:
        """Yield every complete combination that starts with ``kept`` and goes on with ``names``."""
        if not names:
            yield kept
        elif not self.applies(names[0], kept):
            yield from self._extended(kept, names[1:])
        else:
            for value in self.distributions[names[0]].choices:
                yield from self._extended({**kept, names[0]: value}, names[1:])
