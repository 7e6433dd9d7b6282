"""Spaces of a table: the measured part of another space, and a space that the table defines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, Space

Row = tuple[Choice, ...]
"""The choices of one row, in the order of the space's parameters."""


class MeasuredPart(Space):
    """The architectures of another space that have a row in a table; no other is valid."""

    def __init__(self, whole: Space, rows: Collection[Row]) -> None:
        self.whole = whole
        self.parameters = whole.parameters
        self.identity = whole.identity
        self.absent, self.identities = whole.absent, whole.identities
        self.bounds = whole.bounds
        self.allow_disconnected = whole.allow_disconnected
        order = [{c: i for i, c in enumerate(d.choices)} for d in whole.distributions.values()]
        self._rows = sorted(
            rows, key=lambda row: [p[choice] for p, choice in zip(order, row, strict=True)]
        )
        self._known = frozenset(rows)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the graph of the whole space."""
        return self.whole.graph(choices)

    def build(self, choices: Choices) -> nn.Module:
        """Build the network of the whole space."""
        return self.whole.build(choices)

    def costs(self, choices: Choices) -> dict[str, float]:
        """Return the costs that the whole space knows."""
        return self.whole.costs(choices)

    def is_valid(self, choices: Choices) -> bool:
        """Return whether these choices have a row."""
        return tuple([choices[name] for name in self.parameters]) in self._known

    def describe(self) -> dict[str, Any]:
        """Describe the whole space, and how many of its architectures were measured."""
        return {**self.whole.describe(), "rows": len(self._rows)}

    @property
    def size(self) -> int:
        """The number of rows, however many combinations there are."""
        return len(self._rows)

    def sample(self, rng: np.random.Generator) -> Choices:
        """Draw a row uniformly."""
        return self._choices(self._rows[int(rng.integers(len(self._rows)))])

    def __iter__(self) -> Iterator[Choices]:
        return map(self._choices, self._rows)

    def _choices(self, row: Row) -> Choices:
        return dict(zip(self.parameters, row, strict=True))


class TableSpace(Space):
    """A space defined by a table; each combination is a distinct architecture.

    Args:
        parameters: The choices of each parameter.
        graph: A function from choices to their graph; by default a chain with one operation per
            choice.
    """

    identity = "choices"

    def __init__(
        self,
        parameters: Mapping[str, Sequence[Choice]],
        graph: Callable[[Choices], ArchitectureGraph] | None = None,
    ) -> None:
        self.parameters = parameters
        self._graph = _chain if graph is None else graph

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the graph of the given function."""
        return self._graph(choices)


def _chain(choices: Choices) -> ArchitectureGraph:
    return chain([f"{name}={value}" for name, value in choices.items()])


def chain(operations: Sequence[str]) -> ArchitectureGraph:
    """Return the graph of operations one after the other, between an input and an output."""
    labels = [INPUT, *operations, OUTPUT]
    return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])
