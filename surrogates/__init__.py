"""What is believed about an untrained architecture, and how sure the belief is."""

from bonas.surrogates.deep_kernel import DeepKernelGP
from bonas.surrogates.forest import RandomForest
from bonas.surrogates.gnn_ensemble import GNNEnsemble
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.mixture import Mixture
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.surrogate import (
    Conditionable,
    HeldOutModel,
    HeldOutSurrogate,
    Screening,
    Surrogate,
)
from bonas.surrogates.weisfeiler_lehman import WeisfeilerLehmanGP

__all__ = [
    "Conditionable",
    "DeepKernelGP",
    "GNNEnsemble",
    "GraphGP",
    "HeldOutModel",
    "HeldOutSurrogate",
    "Mixture",
    "MixturePosterior",
    "RandomForest",
    "Screening",
    "Surrogate",
    "WeisfeilerLehmanGP",
]
