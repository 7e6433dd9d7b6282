"""An architecture: choices, plus the labelled graph they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bonas.errors import unknown
from bonas.spaces.graph import ArchitectureGraph

Choice = None | bool | int | float | str
Choices = Mapping[str, Choice]
Identity = Literal["graph", "choices"]


@dataclass(frozen=True, slots=True, eq=False)
class Architecture:
    """Choices and their graph; equal to another of the same ``key``.

    Args:
        choices: A parameter's name -> the chosen value.
        graph: What they stand for.
        identity: ``"graph"``: architectures of isomorphic graphs are equal; ``"choices"``: only
            those of equal choices are.

    Raises:
        InvalidArgument: for another identity.
    """

    choices: Choices
    graph: ArchitectureGraph
    identity: Identity = "graph"
    _own_key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.identity not in ("graph", "choices"):
            raise unknown("identity", self.identity, ("graph", "choices"))
        # Kept, since a search asks all its candidates for their keys in every round.
        own = repr(tuple(self.choices.items())) if self.identity == "choices" else ""
        object.__setattr__(self, "_own_key", own)

    @property
    def key(self) -> str:
        """The canonical hash of the graph, or the choices written out where they decide."""
        return self._own_key or self.graph.canonical_hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
