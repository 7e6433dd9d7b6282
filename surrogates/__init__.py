"""What is believed about an untrained architecture, and how sure the belief is."""

from bonas.surrogates.gnn_ensemble import GNNEnsemble
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.mixture import Mixture
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.surrogate import HeldOutModel, HeldOutSurrogate, Surrogate

__all__ = [
    "GNNEnsemble",
    "GraphGP",
    "HeldOutModel",
    "HeldOutSurrogate",
    "Mixture",
    "MixturePosterior",
    "Surrogate",
]
