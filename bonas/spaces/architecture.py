"""An architecture: choices, plus the labelled graph they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bonas.spaces.graph import ArchitectureGraph

Choice = None | bool | int | float | str
Choices = Mapping[str, Choice]


@dataclass(frozen=True, slots=True, eq=False)
class Architecture:
    """Choices and their graph; equal to another when the two graphs are isomorphic."""

    choices: Choices
    graph: ArchitectureGraph

    @property
    def key(self) -> str:
        """The canonical hash of the graph."""
        return self.graph.canonical_hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
