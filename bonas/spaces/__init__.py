"""Which architectures exist: graphs, spaces, and the spaces that come with bonas."""

from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.cells import OPERATIONS, CellSpace, NASBench201
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.darts import DARTSSpace
from bonas.spaces.example import Example
from bonas.spaces.families import Family
from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.mlp import MLPSpace
from bonas.spaces.mobile import MobileSpace, ScaledNetwork, Stage, scale
from bonas.spaces.nas_bench_101 import NASBench101Space
from bonas.spaces.outline import Outline
from bonas.spaces.planned import Plan, PlannedSpace
from bonas.spaces.recurrent import RecurrentSpace
from bonas.spaces.sized import SizedSpace
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
    "Outline",
    "Plan",
    "PlannedSpace",
    "RecurrentSpace",
    "ScaledNetwork",
    "SizedSpace",
    "Sketch",
    "Space",
    "Stage",
    "TransformerSpace",
    "scale",
]
