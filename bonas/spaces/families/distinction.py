"""Which options of a builder its networks' graphs tell apart, and which they never do.

A rate of stochastic depth, the momentum of a batch norm, the scale of initial weights: choices that
act only in training reach no graph. Options are compared in up to eight networks that differ in
nothing else; those of a name that no comparison tells apart have to be told apart by the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bonas.spaces.architecture import Choice, Choices

_SURROUNDINGS = 8  # networks in which the options of a name are compared, while any are alike
_NODES = 30_000  # of all graphs drawn to compare: some seconds; names beyond are not compared
_SEED = 20205  # any fixed number: every process must find the same
_TRIES = 50  # draws to find a network that asks for a name

Complete = Callable[[Choices, np.random.Generator], Choices]
Draw = Callable[[Choices], tuple[str, int]]
"""The hash of a network's graph, empty where there is no valid one, and its number of nodes."""


@dataclass(frozen=True, slots=True)
class Distinction:
    """What comparing the options of each name has shown.

    Attributes:
        alike: A name -> the sets of its options that no graph told apart.
        unseen: Names that were not compared, since the graphs are large.
    """

    alike: Mapping[str, Sequence[tuple[Choice, ...]]]
    unseen: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """The names whose choice has to tell networks apart."""
        return self.unseen | self.alike.keys()

    def said(self) -> str:
        """Return a sentence about the options that are alike; empty where there are none."""
        return "; ".join(
            f"{name!r} gives equal graphs for {', '.join(map(repr, options))}"
            for name, sets in self.alike.items()
            for options in sets
        )

    @classmethod
    def of(
        cls, parameters: Mapping[str, Sequence[Choice]], completed: Complete, draw: Draw
    ) -> Distinction:
        """Compare the options of each name, in networks that ``completed`` makes of choices."""
        comparison = _Comparison(completed, draw)
        alike, unseen = {}, set()
        for name, options in parameters.items():
            if comparison.nodes > _NODES:
                unseen.add(name)
            elif found := comparison.alike(name, options):
                alike[name] = found
        return cls(alike, frozenset(unseen))


class _Comparison:
    """Networks drawn for a comparison, and the ``nodes`` of all their graphs."""

    def __init__(self, completed: Complete, draw: Draw) -> None:
        self._completed, self._draw = completed, draw
        self._rng = np.random.default_rng(_SEED)
        self.nodes = 0

    def alike(self, name: str, options: Sequence[Choice]) -> list[tuple[Choice, ...]]:
        """Return the sets of options that were compared and never told apart."""
        same: dict[frozenset[Choice], bool] = {}  # a pair -> whether all its graphs were equal
        for around in self._surroundings(name):
            hashes = {option: self._hash({**around, name: option}) for option in options}
            for one, other in combinations([o for o in options if hashes[o]], 2):
                pair = frozenset((one, other))
                same[pair] = same.get(pair, True) and hashes[one] == hashes[other]
            if same and not any(same.values()):
                break
        return _joined([pair for pair, equal in same.items() if equal], options)

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
