"""Which options of a builder its networks' graphs tell apart, and which they do not.

A rate of stochastic depth, the momentum of a batch norm, the scale of initial weights: choices that
act only in training reach no graph of a network in use. Options are compared in up to eight
networks that differ in nothing else. Where graphs are equal, what the networks do in training is
compared; a name whose options differ there, or that are never told apart, has to be told apart by
the choice itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from bonas.spaces.architecture import Choice, Choices

_SURROUNDINGS = 8  # networks in which the options of a name are compared, while any are alike,
_LEAST = 3  # and where none are
_NODES = 20_000  # of all graphs drawn to compare: some seconds; names beyond are not compared
_SEED = 20205  # any fixed number: every process must find the same
_TRIES = 50  # draws to find a network that asks for a name

Complete = Callable[[Choices, np.random.Generator], Choices]
Draw = Callable[[Choices], tuple[str, int]]
"""The hash of a network's graph, empty where there is no valid one, and its number of nodes."""
Train = Callable[[Choices], str]
"""The hash of what a network does in training, empty where that cannot be seen."""


@dataclass(frozen=True, slots=True)
class Distinction:
    """What comparing the options of each name has shown.

    Attributes:
        alike: A name -> the sets of its options that nothing told apart.
        training: Names some of whose options differ in training alone.
        unseen: Names that were not compared, since the graphs are large.
    """

    alike: Mapping[str, Sequence[tuple[Choice, ...]]]
    training: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The names whose choice has to tell networks apart."""
        return self.unseen | self.training | self.alike.keys()

    def said(self) -> str:
        """Return what is known of the options that are alike; empty where there are none."""
        return "; ".join(
            f"{name!r} changes no graph: {', '.join(map(repr, options))}"
            for name, sets in self.alike.items()
            for options in sets
        )

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Sequence[Choice]],
        completed: Complete,
        draw: Draw,
        train: Train,
    ) -> Distinction:
        """Compare the options of each name, in networks that ``completed`` makes of choices."""
        comparison = _Comparison(completed, draw, train)
        alike, unseen = {}, set()
        for name, options in parameters.items():
            if comparison.nodes > _NODES:
                unseen.add(name)
            elif found := comparison.alike(name, options):
                alike[name] = found
        return cls(alike, frozenset(comparison.training), frozenset(unseen))


class _Comparison:
    """Networks drawn for a comparison.

    Attributes:
        nodes: Of all their graphs.
        training: Names some of whose options were seen to differ in training alone.
    """

    def __init__(self, completed: Complete, draw: Draw, train: Train) -> None:
        self._completed, self._draw, self._train = completed, draw, train
        self._rng = np.random.default_rng(_SEED)
        self.nodes = 0
        self.training: set[str] = set()

    def alike(self, name: str, options: Sequence[Choice]) -> list[tuple[Choice, ...]]:
        """Return the sets of options that were compared and never told apart."""
        same: dict[frozenset[Choice], bool] = {}  # a pair -> whether nothing told it apart
        for i, around in enumerate(self._surroundings(name)):
            hashes = {option: self._hash({**around, name: option}) for option in options}
            trained = cache(lambda option, around=around: self._trained({**around, name: option}))
            for one, other in combinations([o for o in options if hashes[o]], 2):
                equal = hashes[one] == hashes[other]
                if equal and trained(one) and trained(other) and trained(one) != trained(other):
                    self.training.add(name)
                    equal = False
                pair = frozenset((one, other))
                same[pair] = same.get(pair, True) and equal
            if i + 1 >= _LEAST and not any(same.values()):
                break
        return _joined([pair for pair, equal in same.items() if equal], options)

    def _trained(self, some: Choices) -> str:
        self.nodes += 1
        return self._train(self._completed(some, np.random.default_rng(_SEED)))

    def _surroundings(self, name: str) -> Iterator[Choices]:
        for _ in range(_SURROUNDINGS):
            for _ in range(_TRIES):
                around = self._completed({}, self._rng)
                if name in around:
                    yield around
                    break

    def _hash(self, some: Choices) -> str:
        digest, nodes = self._draw(self._completed(some, np.random.default_rng(_SEED)))
        self.nodes += nodes
        return digest


def _joined(
    pairs: Sequence[frozenset[Choice]], options: Sequence[Choice]
) -> list[tuple[Choice, ...]]:
    """Return the sets that pairs join, in the order of the options."""
    sets: list[set[Choice]] = []
    for pair in pairs:
        touched = [one for one in sets if one & pair]
        sets = [one for one in sets if not one & pair] + [set(pair).union(*touched)]
    ordered = [tuple(option for option in options if option in one) for one in sets]
    return sorted(ordered, key=lambda one: options.index(one[0]))
