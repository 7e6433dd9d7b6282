"""Which architectures exist: graphs, spaces, and the spaces that come with bonas."""

from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.bounds import SizedSpace
from bonas.spaces.cell import CellSpace, NASBench201
from bonas.spaces.cell_network import OPERATIONS
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.families.family import Family
from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.mobile.mobile import MobileSpace, Stage
from bonas.spaces.mobile.scaling import ScaledNetwork, scale
from bonas.spaces.perceptrons.mlp import MLPSpace
from bonas.spaces.recurrent_nets.recurrent import RecurrentSpace
from bonas.spaces.sketch import FEATURES, Sketch
from bonas.spaces.space import Space
from bonas.spaces.transformers.transformer import TransformerSpace

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
    "Family",
    "Identity",
    "MLPSpace",
    "MobileSpace",
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
