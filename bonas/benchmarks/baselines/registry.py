"""The search methods of a comparison by name: bonas with each surrogate, and the baselines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from bonas.benchmarks.baselines.bananas import Bananas
from bonas.benchmarks.baselines.evolution import RegularizedEvolution
from bonas.benchmarks.baselines.local_search import LocalSearch
from bonas.benchmarks.baselines.nas_bowl import NasBowl
from bonas.benchmarks.baselines.one_hot_gp import OneHotBoTorch
from bonas.benchmarks.baselines.optuna_samplers import RejectInvalid
from bonas.benchmarks.baselines.reinforce import ReinforceController
from bonas.benchmarks.baselines.search_settings import SearchSettings
from bonas.spaces import Space

MakeSampler = Callable[[Space, int], BaseSampler]
"""A space and a seed -> the sampler of a method; it may ``describe()`` its settings as JSON values,
which a stored run is checked against."""


@dataclass(frozen=True, slots=True)
class Method:
    """A search method.

    Attributes:
        name: The name that ``METHODS`` has it under.
        make: The function that makes its sampler from a space and a seed.
        multi_objective: Whether it can search several objectives.
        source: The publication or package it comes from.
    """

    name: str
    make: MakeSampler
    multi_objective: bool
    source: str


def _rejecting(make: Callable[[int], BaseSampler]) -> MakeSampler:
    return lambda space, seed: RejectInvalid(space, make, seed=seed)


_OPTUNA = "Optuna (Akiba et al., KDD 2019)"
_SURROGATES = ("gp", "embedded_gp", "deep_kernel", "gnn", "wl", "forest")

_PARTS: dict[str, dict[str, Any]] = {
    "stopping=default": {"stopping": "default"},
    "stopping=halving": {"stopping": "halving"},
    "scores=off": {"zero_cost": False},
    "measure-first=off": {"measure_first": False},
    "graf": {"encoder": ["one_hot", "statistics", "graf", "gnn"]},
}

_BONAS = (
    Method("bonas", SearchSettings({}), True, "this package"),
    *(
        Method(
            f"bonas-{name.replace('_', '-')}",
            SearchSettings({"surrogate": name}),
            True,
            "this package",
        )
        for name in _SURROGATES
    ),
    *(
        Method(f"bonas-{name}", SearchSettings(settings), True, "this package, one part replaced")
        for name, settings in _PARTS.items()
    ),
)
_FROM_OPTUNA = (
    Method("random", _rejecting(lambda seed: RandomSampler(seed=seed)), True, f"{_OPTUNA}: random"),
    Method(
        "tpe",
        _rejecting(lambda seed: TPESampler(multivariate=True, n_startup_trials=10, seed=seed)),
        True,
        f"{_OPTUNA}: multivariate TPE",
    ),
    Method(
        "nsga2",
        _rejecting(lambda seed: NSGAIISampler(population_size=20, seed=seed)),
        True,
        f"{_OPTUNA}: NSGA-II (Deb et al., 2002), population 20",
    ),
    Method(
        "optuna-gp",
        _rejecting(lambda seed: GPSampler(deterministic_objective=True, seed=seed)),
        True,
        f"{_OPTUNA}: Gaussian process",
    ),
)
_PUBLISHED = (
    Method(
        "botorch",
        lambda space, seed: OneHotBoTorch(space, seed=seed),
        True,
        "BoTorch (Balandat et al., NeurIPS 2020): SingleTaskGP on one-hot choices",
    ),
    Method(
        "evolution",
        lambda space, seed: RegularizedEvolution(space, seed=seed),
        False,
        "Real et al., AAAI 2019: regularised evolution",
    ),
    Method(
        "local-search",
        lambda space, seed: LocalSearch(space, seed=seed),
        False,
        "White et al., UAI 2021: local search",
    ),
    Method(
        "bananas", lambda space, seed: Bananas(space, seed=seed), False, "White et al., AAAI 2021"
    ),
    Method(
        "nas-bowl", lambda space, seed: NasBowl(space, seed=seed), False, "Ru et al., ICLR 2021"
    ),
    Method(
        "reinforce",
        lambda space, seed: ReinforceController(space, seed=seed),
        False,
        "Zoph et al., CVPR 2018, with the policy of NAS-Bench-201 (Dong and Yang, ICLR 2020)",
    ),
)

METHODS: dict[str, Method] = {
    method.name: method for method in (*_BONAS, *_FROM_OPTUNA, *_PUBLISHED)
}
"""The methods by name."""
