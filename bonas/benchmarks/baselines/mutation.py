"""New combinations of choices: at random, and by mutation."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from bonas.benchmarks.baselines.observations import Key, key
from bonas.spaces import Choices, Space

_TRIES = 200
_ENUMERABLE = 50_000  # combinations that are listed to find the last unseen ones


def unseen(space: Space, spent: AbstractSet[Key], rng: np.random.Generator) -> Choices:
    """A random valid combination that is not spent; a spent one when there seems to be no other."""
    for _ in range(_TRIES):
        choices = space.sample(rng)
        if key(choices) not in spent:
            return choices
    left = [c for c in space if key(c) not in spent] if space.size <= _ENUMERABLE else []
    return left[int(rng.integers(len(left)))] if left else space.sample(rng)


def mutated(
    space: Space, choices: Choices, rng: np.random.Generator, *, changes: int = 1
) -> Choices:
    """``choices`` with that many parameters given another value; a random draw where none is valid.

    Parameters are drawn with replacement, so several changes may fall on one.
    """
    names = list(space.distributions)
    for _ in range(_TRIES):
        child = dict(choices)
        for i in rng.integers(len(names), size=changes):
            options = space.distributions[names[i]].choices
            others = [value for value in options if value != child[names[i]]]
            child[names[i]] = others[int(rng.integers(len(others)))]
        if space.allows(child):
            return child
    return space.sample(rng)


def mutants(
    space: Space,
    parents: Sequence[Choices],
    n: int,
    spent: AbstractSet[Key],
    rng: np.random.Generator,
) -> list[Choices]:
    """At most ``n`` distinct unspent combinations near random parents.

    Each parameter changes with probability one over their number, at least one does.
    """
    p = len(space.distributions)
    found: dict[Key, Choices] = {}
    for _ in range(20 * n):
        if len(found) == n:
            break
        parent = parents[int(rng.integers(len(parents)))]
        child = mutated(space, parent, rng, changes=max(1, int(rng.binomial(p, 1 / p))))
        if key(child) not in spent:
            found.setdefault(key(child), child)
    return list(found.values())
