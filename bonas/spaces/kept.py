"""The latest architectures of a space, so that none is made twice in a round of proposals."""

from __future__ import annotations

from bonas.spaces.architecture import Architecture, Choice

_NODES = 400_000  # of all architectures that are kept at most: some 200 MB


class Kept(dict[tuple[tuple[str, Choice], ...], Architecture]):
    """Choices, in the order of the parameters -> the architecture; and the nodes of all."""

    nodes = 0

    def keep(self, values: tuple[tuple[str, Choice], ...], architecture: Architecture) -> None:
        """Add one; first forget the others where they are many."""
        if self.nodes >= _NODES:
            self.clear()
        self[values] = architecture
        self.nodes += len(architecture.graph)

    def clear(self) -> None:
        super().clear()
        self.nodes = 0
