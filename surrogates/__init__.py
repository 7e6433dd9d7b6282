"""Surrogates: what predicts the values of untrained architectures, and how surely."""

from bonas.surrogates.coregionalised_gp import CoregionalisedGP
from bonas.surrogates.deep_kernel import fit_deep_kernel
from bonas.surrogates.forest import RandomForest, fit_forest
from bonas.surrogates.gnn_ensemble import GNNEnsemble, fit_gnn_ensemble
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.graph_gp_fit import fit_graph_gp
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.mixture import Mixture, fit_mixture
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.model import (
    SupportsConditioning,
    SupportsLOO,
    SupportsMarginals,
    SupportsWeights,
)
from bonas.surrogates.outcome_transform import OutcomeTransform, fit_outcome_transform
from bonas.surrogates.share_of_prior import share_of_prior
from bonas.surrogates.surrogate import Capabilities, Surrogate, fit, supports
from bonas.surrogates.transformed_model import TransformedModel, fit_transformed
from bonas.surrogates.weisfeiler_lehman import WeisfeilerLehmanGP, fit_weisfeiler_lehman

__all__ = [
    "Capabilities",
    "CoregionalisedGP",
    "GNNEnsemble",
    "GraphGP",
    "LowerFidelity",
    "Mixture",
    "MixturePosterior",
    "OutcomeTransform",
    "RandomForest",
    "SupportsConditioning",
    "SupportsLOO",
    "SupportsMarginals",
    "SupportsWeights",
    "Surrogate",
    "TransformedModel",
    "WeisfeilerLehmanGP",
    "fit",
    "fit_deep_kernel",
    "fit_forest",
    "fit_gnn_ensemble",
    "fit_graph_gp",
    "fit_mixture",
    "fit_outcome_transform",
    "fit_transformed",
    "fit_weisfeiler_lehman",
    "share_of_prior",
    "supports",
]
