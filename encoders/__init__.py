"""How an architecture becomes numbers."""

from bonas.encoders.blocks import ENCODERS, Blocks, check_encoder, shared_blocks
from bonas.encoders.encoder import DeclaresScaling, Encoder
from bonas.encoders.gnn import GNNEncoder
from bonas.encoders.graf import NeuralGraphFeatures
from bonas.encoders.layout import Layout
from bonas.encoders.one_hot import OneHot
from bonas.encoders.paths import PathCounts
from bonas.encoders.scored_networks import ScoredNetworks
from bonas.encoders.statistics import GraphStatistics
from bonas.encoders.weisfeiler_lehman import WeisfeilerLehman
from bonas.encoders.zero_cost import ZeroCostScores

__all__ = [
    "ENCODERS",
    "Blocks",
    "DeclaresScaling",
    "Encoder",
    "GNNEncoder",
    "GraphStatistics",
    "Layout",
    "NeuralGraphFeatures",
    "OneHot",
    "PathCounts",
    "ScoredNetworks",
    "WeisfeilerLehman",
    "ZeroCostScores",
    "check_encoder",
    "shared_blocks",
]
