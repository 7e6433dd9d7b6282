"""A cache of a space's latest architectures, so that a proposal makes none of them twice."""

from __future__ import annotations

from bonas.spaces.architecture import Architecture, Choice

_NODES = 400_000  # of all architectures that are kept, about 200 MB


class ArchitectureCache(dict[tuple[tuple[str, Choice], ...], Architecture]):
    """Choices, in the order of the parameters -> their architecture.

    Attributes:
        nodes: Of all graphs together.
    """

    nodes = 0

    def keep(self, values: tuple[tuple[str, Choice], ...], architecture: Architecture) -> None:
        """Add one; first forget all others if their graphs are too large together."""
        if self.nodes >= _NODES:
            self.clear()
        self[values] = architecture
        self.nodes += len(architecture.graph)

    def clear(self) -> None:
        super().clear()
        self.nodes = 0
