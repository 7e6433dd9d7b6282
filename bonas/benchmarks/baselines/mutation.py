"""New combinations of choices: at random, and by mutation as the baselines' papers define it.

``studies.proposing.candidates`` mutates otherwise: after a crossover it redraws one or two choices,
and falls back to a parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from bonas.benchmarks.baselines.observations import Key, key
from bonas.spaces import Choices, Space

_TRIES = 200
_ENUMERABLE = 50_000  # combinations that are listed to find the last unseen ones


def sample_unseen(space: Space, seen: AbstractSet[Key], rng: np.random.Generator) -> Choices:
    """Draw a valid combination that is not in ``seen``, or any valid one if none seems left."""
    for _ in range(_TRIES):
        choices = space.sample(rng)
        if key(choices) not in seen:
            return choices
    left = [c for c in space if key(c) not in seen] if space.size <= _ENUMERABLE else []
    return left[int(rng.integers(len(left)))] if left else space.sample(rng)


def mutate(
    space: Space, choices: Choices, rng: np.random.Generator, *, changes: int = 1
) -> Choices:
    """Give ``changes`` parameters another value; draw at random if no valid mutant is found.

    Parameters are drawn with replacement, so several changes may fall on one. In a conditional
    space, parameters that come to apply are drawn, and those that no longer apply are dropped.
    """
    names = [name for name in space.distributions if name in choices]
    for _ in range(_TRIES):
        child = dict(choices)
        for i in rng.integers(len(names), size=changes):
            options = space.distributions[names[i]].choices
            others = [value for value in options if value != child[names[i]]]
            child[names[i]] = others[int(rng.integers(len(others)))]
        whole = space.completed(child, rng)
        if space.allows(whole):
            return whole
    return space.sample(rng)


def sample_mutants(
    space: Space,
    parents: Sequence[Choices],
    n: int,
    seen: AbstractSet[Key],
    rng: np.random.Generator,
) -> list[Choices]:
    """Draw at most ``n`` distinct mutants of random parents, none of them in ``seen``.

    Each of a parent's ``p`` parameters changes with probability ``1 / p``, at least one does.
    """
    found: dict[Key, Choices] = {}
    for _ in range(20 * n):
        if len(found) == n:
            break
        parent = parents[int(rng.integers(len(parents)))]
        p = len(parent)
        child = mutate(space, parent, rng, changes=max(1, int(rng.binomial(p, 1 / p))))
        if key(child) not in seen:
            found.setdefault(key(child), child)
    return list(found.values())
