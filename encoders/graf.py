"""Neural graph features: the input-output paths that use the operations of a set alone.

Of each set ``s`` of operation labels, over the paths whose operations are all in ``s``:

    1 / edges of the shortest one,   0 where there is none
    log(1 + edges of the longest one)
    log(1 + number of paths)

All sets are taken of up to six labels. Of more labels they are all of them, each one, all but one,
and pairs, the common labels first.

Source: Kadlecova, Lukasik, Pilat, Vidnerova, Safari, Neruda and Hutter (2024), "Surprisingly strong
performance prediction with neural graph features", ICML: there the shortest and the longest path,
and degrees, which added nothing here; the number of paths is the strongest of the three.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bonas.spaces import INPUT, OUTPUT, Architecture, ArchitectureGraph, Space

Array = npt.NDArray[np.float64]
Sets = npt.NDArray[np.bool_]

_MOST_SETS = 63  # all sets of six labels
_OF_SET = 3


class NeuralGraphFeatures:
    """Three numbers of the paths within each set of labels, side by side.

    A label that does not occur in the reference set is in no set.

    Args:
        space: Its reference set says which labels there are, and how common they are.
        max_sets: How many sets of labels there are at most.
    """

    name = "graf"

    def __init__(self, space: Space, *, max_sets: int = _MOST_SETS) -> None:
        having: Counter[str] = Counter()
        for architecture in space.reference:
            having.update(set(architecture.graph.labels) - {INPUT, OUTPUT})
        labels = sorted(having, key=lambda label: (-having[label], label))
        self.sets = list(islice(label_sets(labels, max_sets), max_sets))
        self.width = _OF_SET * len(self.sets)
        self._with = {
            label: np.array([label in each for each in self.sets], np.bool_) for label in labels
        }
        self._in_none = np.zeros(len(self.sets), np.bool_)

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` values."""
        known: dict[str, Array] = {}
        rows = []
        for architecture in architectures:
            key = architecture.graph.canonical_hash
            if key not in known:
                known[key] = self._row(architecture.graph)
            rows.append(known[key])
        return torch.from_numpy(np.array(rows, np.float64).reshape(len(rows), self.width))

    def _row(self, graph: ArchitectureGraph) -> Array:
        """Return the numbers of one graph, by one pass over its nodes for all sets at once."""
        k = len(self.sets)
        nowhere = _Paths(np.full(k, np.inf), np.full(k, -np.inf), np.full(k, -np.inf))
        start = _Paths(np.zeros(k), np.zeros(k), np.zeros(k))
        live, at, ending = graph.live(), dict[int, _Paths](), nowhere
        for node in graph.order:
            label = graph.labels[node]
            if node not in live:
                continue
            here = start if label == INPUT else nowhere
            for source in graph.predecessors[node]:
                if source in at:
                    here = here.joined(at[source].longer())
            if label == OUTPUT:
                ending = ending.joined(here)
            if label not in (INPUT, OUTPUT):
                here = here.within(self._with.get(label, self._in_none))
            at[node] = here
        return ending.encoded()


class _Paths:
    """The paths from an input to one node within each of ``k`` sets.

    ``shortest`` and ``longest`` in edges, infinite and minus infinite where there is none;
    ``log_number`` minus infinite.
    """

    __slots__ = ("log_number", "longest", "shortest")

    def __init__(self, shortest: Array, longest: Array, log_number: Array) -> None:
        self.shortest, self.longest, self.log_number = shortest, longest, log_number

    def longer(self) -> _Paths:
        """Return the same paths with one edge more."""
        return _Paths(self.shortest + 1, self.longest + 1, self.log_number)

    def joined(self, other: _Paths) -> _Paths:
        """Return these paths and others to the same node."""
        return _Paths(
            np.minimum(self.shortest, other.shortest),
            np.maximum(self.longest, other.longest),
            np.logaddexp(self.log_number, other.log_number),
        )

    def within(self, sets: Sets) -> _Paths:
        """Return the paths of those sets that the node belongs to."""
        return _Paths(
            np.where(sets, self.shortest, np.inf),
            np.where(sets, self.longest, -np.inf),
            np.where(sets, self.log_number, -np.inf),
        )

    def encoded(self) -> Array:
        """Return ``3 k`` finite numbers, those of one set side by side."""
        longest = np.log1p(np.maximum(self.longest, 0.0))
        number = np.logaddexp(0.0, self.log_number)
        return np.stack([1.0 / self.shortest, longest, number], axis=1).reshape(-1)


def label_sets(labels: Sequence[str], most: int) -> Iterator[frozenset[str]]:
    """Yield sets of labels: all if that are at most ``most``; else the larger and smaller ones.

    >>> [sorted(each) for each in label_sets(["a", "b"], 3)]
    [['a'], ['b'], ['a', 'b']]
    >>> [sorted(each) for each in label_sets(["a", "b", "c"], 3)]
    [['a', 'b', 'c'], ['a'], ['b', 'c'], ['b'], ['a', 'c'], ['c'], ['a', 'b']]
    """
    if 2 ** len(labels) - 1 <= most:
        for size in range(1, len(labels) + 1):
            yield from map(frozenset, combinations(labels, size))
        return
    yield frozenset(labels)
    for label in labels:
        yield frozenset({label})
        if len(labels) > 2:
            yield frozenset(labels) - {label}
    if len(labels) > 3:
        yield from map(frozenset, combinations(labels, 2))
