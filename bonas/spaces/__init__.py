"""Which architectures exist: graphs, spaces, and the spaces that come with bonas."""

from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.cell import CellSpace, NASBench201
from bonas.spaces.cell_network import OPERATIONS
from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.sketch import FEATURES, Sketch
from bonas.spaces.space import Space

__all__ = [
    "FEATURES",
    "IDENTITY",
    "INPUT",
    "OPERATIONS",
    "OUTPUT",
    "Architecture",
    "ArchitectureGraph",
    "CellSpace",
    "Choice",
    "Choices",
    "Identity",
    "NASBench201",
    "Sketch",
    "Space",
]
