"""Spaces of a table: the part of a space that was measured, and a space that only a table knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, Space

Row = tuple[Choice, ...]
"""The choices of one row, in the order of the space's parameters."""


class MeasuredPart(Space):
    """The architectures of another space that a table has a row for; no other is valid."""

    def __init__(self, whole: Space, rows: Collection[Row]) -> None:
        self.whole = whole
        self.parameters = whole.parameters
        self.identity = whole.identity
        self.absent, self.identities = whole.absent, whole.identities
        self.allow_disconnected = whole.allow_disconnected
        place = [{c: i for i, c in enumerate(d.choices)} for d in whole.distributions.values()]
        self._rows = sorted(
            rows, key=lambda row: [p[choice] for p, choice in zip(place, row, strict=True)]
        )
        self._known = frozenset(rows)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """That of the whole space."""
        return self.whole.graph(choices)

    def build(self, choices: Choices) -> nn.Module:
        """As the whole space builds it."""
        return self.whole.build(choices)

    def costs(self, choices: Choices) -> dict[str, float]:
        """What the whole space knows."""
        return self.whole.costs(choices)

    def is_valid(self, choices: Choices) -> bool:
        """Whether there is a row of these choices."""
        return tuple([choices[name] for name in self.parameters]) in self._known

    def describe(self) -> dict[str, Any]:
        """The whole space, and how many of its architectures were measured."""
        return {**self.whole.describe(), "rows": len(self._rows)}

    @property
    def size(self) -> int:
        """The number of rows, which may be few where there are many combinations."""
        return len(self._rows)

    def sample(self, rng: np.random.Generator) -> Choices:
        """One row, each as likely as any other."""
        return self._choices(self._rows[int(rng.integers(len(self._rows)))])

    def __iter__(self) -> Iterator[Choices]:
        return map(self._choices, self._rows)

    def _choices(self, row: Row) -> Choices:
        return dict(zip(self.parameters, row, strict=True))


class TableSpace(Space):
    """A space whose parameters a table names; each combination is an architecture of its own.

    Args:
        parameters: A name -> its choices.
        graph: A function of choices; by default every choice is an operation, one after the other.
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
        """What the given function makes of the choices."""
        return self._graph(choices)


def _chain(choices: Choices) -> ArchitectureGraph:
    return chain([f"{name}={value}" for name, value in choices.items()])


def chain(operations: Sequence[str]) -> ArchitectureGraph:
    """Operations one after the other, between an input and an output."""
    labels = [INPUT, *operations, OUTPUT]
    return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])
