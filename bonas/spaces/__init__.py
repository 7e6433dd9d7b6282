"""Which architectures exist: graphs, spaces, and the spaces that come with bonas."""

from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.bounds import SizedSpace
from bonas.spaces.cells import OPERATIONS, CellSpace, DARTSSpace, NASBench101Space, NASBench201
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.example import Example
from bonas.spaces.families import Family
from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.mobile import MobileSpace, ScaledNetwork, Stage, scale
from bonas.spaces.perceptrons import MLPSpace
from bonas.spaces.recurrent_nets import RecurrentSpace
from bonas.spaces.sketch import FEATURES, Sketch
from bonas.spaces.space import Space
from bonas.spaces.transformers import TransformerSpace

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
    "ConditionalSpace",
    "DARTSSpace",
    "Example",
    "Family",
    "Identity",
    "MLPSpace",
    "MobileSpace",
    "NASBench101Space",
    "NASBench201",
    "RecurrentSpace",
    "ScaledNetwork",
    "SizedSpace",
    "Sketch",
    "Space",
    "Stage",
    "TransformerSpace",
    "scale",
]
