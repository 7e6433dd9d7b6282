"""Path counts: which sequences of operations lead from input to output, and how often.

Source: White, Neiswanger and Savani (2021), "BANANAS: Bayesian optimization with neural
architectures for neural architecture search", AAAI, there as presence, here as counts; an identity
is no operation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from bonas.spaces import IDENTITY, INPUT, OUTPUT, Architecture, ArchitectureGraph, Space

Path = tuple[str, ...]

_LARGE = 2**53  # from here on float64 cannot represent every whole number


class PathCounts:
    """``log(1 + count)`` of each sequence of operations along the live input-output paths.

    The columns are the ``max_paths`` sequences that most architectures of the reference set have.
    Of a path with more than ``max_length`` operations the last ``max_length`` count, which bounds
    the work on deep networks.
    """

    name = "paths"

    def __init__(self, space: Space, *, max_paths: int = 256, max_length: int = 6) -> None:
        self.max_length = max_length
        having: Counter[Path] = Counter()
        for architecture in space.reference:
            having.update(path_counts(architecture.graph, max_length).keys())
        ranked = sorted(having, key=lambda path: (-having[path], path))
        self.column = {path: i for i, path in enumerate(ranked[:max_paths])}
        self.width = len(self.column)

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x width`` logarithms; a sequence that has no column is left out."""
        counts = torch.zeros(len(architectures), self.width, dtype=torch.float64)
        large: dict[tuple[int, int], int] = {}
        for row, architecture in enumerate(architectures):
            for path, count in path_counts(architecture.graph, self.max_length).items():
                column = self.column.get(path)
                if column is None:
                    continue
                if count < _LARGE:
                    counts[row, column] = count
                else:
                    large[row, column] = count
        logs = counts.log1p_()
        for (row, column), count in large.items():
            logs[row, column] = log1p(count)
        return logs


def log1p(count: int) -> float:
    """Return ``log(1 + count)`` of an int of any size: 65 residual blocks have ``2 ** 65`` paths.

    >>> round(log1p(1), 6), round(log1p(2**5000), 6)
    (0.693147, 3465.735903)
    """
    return math.log1p(count) if count < _LARGE else math.log(count)


def path_counts(graph: ArchitectureGraph, max_length: int) -> Counter[Path]:
    """Count the input-output paths by their sequence of operations (its last ``max_length``).

    >>> g = ArchitectureGraph(["input", "a", "b", "output"], [(0, 1), (0, 2), (1, 2), (2, 3)])
    >>> sorted(path_counts(g, 6).items())
    [(('a', 'b'), 1), (('b',), 1)]
    """
    live = graph.live()
    total: Counter[Path] = Counter()
    arriving: dict[int, Counter[Path]] = {}
    for node in graph.order:
        if node not in live:
            continue
        label = graph.labels[node]
        here: Counter[Path] = Counter()
        if label == INPUT:
            here[()] = 1
        for source in graph.predecessors[node]:
            if source in live:
                here.update(arriving[source])
        if label == OUTPUT:
            total.update(here)
        elif label not in (INPUT, IDENTITY):
            longer: Counter[Path] = Counter()
            for path, count in here.items():
                longer[(*path, label)[-max_length:]] += count
            here = longer
        arriving[node] = here
    return total
