"""The baselines that bonas is compared with, at their published settings.

Each is an ordinary Optuna sampler over a space's choices; ``METHODS`` makes them by name.
"""

from bonas.benchmarks.baselines.bananas import Bananas
from bonas.benchmarks.baselines.evolution import RegularizedEvolution
from bonas.benchmarks.baselines.local_search import LocalSearch
from bonas.benchmarks.baselines.nas_bowl import NasBowl
from bonas.benchmarks.baselines.one_hot_gp import OneHotBoTorch
from bonas.benchmarks.baselines.optuna_samplers import RejectInvalid
from bonas.benchmarks.baselines.registry import METHODS, MakeSampler, Method
from bonas.benchmarks.baselines.reinforce import ReinforceController

__all__ = [
    "METHODS",
    "Bananas",
    "LocalSearch",
    "MakeSampler",
    "Method",
    "NasBowl",
    "OneHotBoTorch",
    "RegularizedEvolution",
    "ReinforceController",
    "RejectInvalid",
]
