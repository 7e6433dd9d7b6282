"""Which options of a builder are distinguished by the graphs of its networks, and which are not.

A rate of stochastic depth, the momentum of a batch norm, the scale of initial weights: choices that
act in training alone are in no graph of a network in evaluation mode. The options of each name are
compared in up to eight pairs of networks that differ in nothing else, by graph, and where graphs
are equal by graph in training mode. A name whose options differ in training mode only, or nowhere,
identifies architectures by the choice itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from bonas.spaces.architecture import Choice, Choices

_CONTEXTS = 8  # combinations of other choices in which options are compared while any are alike
_LEAST = 3  # of these, where none are
_NODES = 20_000  # of all graphs compared, some seconds of work; further names are not compared
_SEED = 20205  # any fixed number: every process must find the same
_TRIES = 50  # draws to find a combination that has a name

Complete = Callable[[Choices, np.random.Generator], Choices]
HashGraph = Callable[[Choices], tuple[str, int]]
"""Returns the hash of a network's graph, empty if the network is not valid, and its nodes."""
HashTraining = Callable[[Choices], str]
"""Returns the hash of a network's graph in training mode, empty if it cannot be traced."""


@dataclass(frozen=True, slots=True)
class Distinction:
    """The names whose options are not all distinguished by graphs.

    Attributes:
        alike: A name -> the sets of its options that no graph distinguishes.
        training: Names with options that differ in training mode alone.
        uncompared: Names that were not compared, since the graphs are large.
    """

    alike: Mapping[str, Sequence[tuple[Choice, ...]]]
    training: frozenset[str] = frozenset()
    uncompared: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """The names whose choice has to identify architectures, since graphs do not."""
        return self.uncompared | self.training | self.alike.keys()

    def warning(self, *, by_graph: bool) -> str:
        """Return a warning for the author of the space; empty where there is nothing to say.

        ``by_graph`` says that only graphs identify architectures.
        """
        parts = [
            f"{name!r} changes no graph: {', '.join(map(repr, options))}"
            for name, sets in self.alike.items()
            for options in sets
        ]
        if by_graph and self.training:
            parts.append(f"{', '.join(map(repr, sorted(self.training)))} acts in training alone")
        consequence = (
            "such networks are one, of which one is evaluated (identity='choices' keeps all "
            "choices apart)"
            if by_graph
            else "such networks are evaluated one by one (identity='graph' makes them one)"
        )
        return f"{'; '.join(parts)}; {consequence}" if parts else ""

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Sequence[Choice]],
        completed: Complete,
        hash_graph: HashGraph,
        hash_training: HashTraining,
    ) -> Distinction:
        """Compare the options of each name, in combinations that ``completed`` returns."""
        comparison = _Comparison(completed, hash_graph, hash_training)
        alike, uncompared = {}, set()
        for name, options in parameters.items():
            if comparison.nodes > _NODES:
                uncompared.add(name)
            elif found := comparison.alike(name, options):
                alike[name] = found
        return cls(alike, frozenset(comparison.training), frozenset(uncompared))


class _Comparison:
    """Comparisons of options, and their effort so far.

    Attributes:
        nodes: Of all graphs.
        training: Names with options that differ in training mode alone.
    """

    def __init__(
        self, completed: Complete, hash_graph: HashGraph, hash_training: HashTraining
    ) -> None:
        self._completed = completed
        self._hash_graph, self._hash_training = hash_graph, hash_training
        self._rng = np.random.default_rng(_SEED)
        self.nodes = 0
        self.training: set[str] = set()

    def alike(self, name: str, options: Sequence[Choice]) -> list[tuple[Choice, ...]]:
        """Return the sets of options that no comparison distinguished."""
        same: dict[frozenset[Choice], bool] = {}  # a pair -> whether it was never distinguished
        for i, others in enumerate(self._contexts(name)):
            hashes = {option: self._hash({**others, name: option}) for option in options}
            trained = cache(lambda option, others=others: self._trained({**others, name: option}))
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
        return self._hash_training(self._completed(some, np.random.default_rng(_SEED)))

    def _contexts(self, name: str) -> Iterator[Choices]:
        for _ in range(_CONTEXTS):
            for _ in range(_TRIES):
                choices = self._completed({}, self._rng)
                if name in choices:
                    yield choices
                    break

    def _hash(self, some: Choices) -> str:
        digest, nodes = self._hash_graph(self._completed(some, np.random.default_rng(_SEED)))
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
