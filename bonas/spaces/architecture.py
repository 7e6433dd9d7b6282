"""An architecture: choices, and the labelled graph that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bonas.spaces.graph import ArchitectureGraph

Choice = None | bool | int | float | str
Choices = Mapping[str, Choice]
Identity = Literal["graph", "choices"]


@dataclass(frozen=True, slots=True, eq=False)
class Architecture:
    """Choices and their graph; architectures of the same ``key`` are equal.

    Args:
        choices: A parameter's name -> the chosen value.
        graph: The graph that they stand for.
        mark: The identity of the architecture where that is not the graph; empty where it is.
    """

    choices: Choices
    graph: ArchitectureGraph
    mark: str = ""

    @property
    def key(self) -> str:
        """The mark, or else the canonical hash of the graph, which isomorphic graphs share."""
        return self.mark or self.graph.canonical_hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
