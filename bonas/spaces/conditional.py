"""Spaces in which a parameter may depend on the choices before it.

A combination is whole when it names every parameter that applies, and no other: the kernel of a
third block, where there are three blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.space import Space


class ConditionalSpace(Space):
    """A space whose subclasses say by ``applies`` which parameters belong together.

    A subclass gives ``parameters``, or ``options`` where some may have one value only. ``size``
    counts as if all parameters applied, so it is an upper bound.
    """

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The name of everything that is chosen -> its options; of one option, a constant."""
        return {}

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[Choice]]:  # type: ignore[override]  # derived here
        """What there is more than one option for."""
        return {name: options for name, options in self.options.items() if len(options) > 1}

    def chosen(self, choices: Choices, name: str) -> Any:
        """The value of a parameter, or the constant in its place."""
        return choices[name] if name in self.parameters else self.options[name][0]

    def applies(self, name: str, earlier: Choices) -> bool:
        """Whether a parameter exists beside the choices of those before it in ``parameters``."""
        return True

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        kept: dict[str, Choice] = {}
        for name, value in super().completed(some, rng).items():
            if self.applies(name, kept):
                kept[name] = value
        return kept

    def chosen_by(self, choose: Callable[[str, Sequence[Choice]], Choice]) -> dict[str, Choice]:
        kept: dict[str, Choice] = {}
        for name, distribution in self.distributions.items():
            if self.applies(name, kept):
                kept[name] = choose(name, distribution.choices)
        return kept

    def __iter__(self) -> Iterator[Choices]:
        """Every valid combination once, the last parameter changing fastest."""
        return filter(self._is_possible, self._continued({}, list(self.distributions)))

    def _continued(self, kept: Choices, names: Sequence[str]) -> Iterator[Choices]:
        """All whole combinations that begin with ``kept`` and go on with ``names``."""
        if not names:
            yield kept
        elif not self.applies(names[0], kept):
            yield from self._continued(kept, names[1:])
        else:
            for value in self.distributions[names[0]].choices:
                yield from self._continued({**kept, names[0]: value}, names[1:])
