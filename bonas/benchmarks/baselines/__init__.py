"""The rival search methods that bonas is compared with, at their published settings.

Each is an ordinary Optuna sampler over a space's choices; ``METHODS`` makes them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from bonas.benchmarks.baselines.bananas import Bananas
from bonas.benchmarks.baselines.evolution import RegularizedEvolution
from bonas.benchmarks.baselines.local_search import LocalSearch
from bonas.benchmarks.baselines.nas_bowl import NasBowl
from bonas.benchmarks.baselines.one_hot_gp import OneHotBoTorch
from bonas.benchmarks.baselines.optuna_samplers import Valid
from bonas.benchmarks.baselines.reinforce import ReinforceController
from bonas.errors import unknown
from bonas.spaces import Space
from bonas.studies.sampler import ArchitectureSampler

__all__ = [
    "METHODS",
    "Bananas",
    "LocalSearch",
    "Method",
    "NasBowl",
    "OneHotBoTorch",
    "RegularizedEvolution",
    "ReinforceController",
    "Valid",
    "method",
]

Make = Callable[[Space, int], BaseSampler]


@dataclass(frozen=True, slots=True)
class Method:
    """A search method: how its sampler is made from a space and a seed.

    ``several`` says whether it can search several objectives, ``source`` where it comes from.
    """

    name: str
    make: Make
    several: bool
    source: str


def _optuna(make: Callable[[int], BaseSampler]) -> Make:
    return lambda space, seed: Valid(space, make, seed=seed)


def _bonas(surrogate: str) -> Make:
    return lambda space, seed: ArchitectureSampler(space, surrogate=surrogate, seed=seed)


_OPTUNA = "Optuna (Akiba et al., KDD 2019)"

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "bonas", lambda space, seed: ArchitectureSampler(space, seed=seed), True, "this package"
        ),
        *(
            Method(f"bonas-{name.replace('_', '-')}", _bonas(name), True, "this package")
            for name in ("gp", "embedded_gp", "deep_kernel", "gnn", "wl", "forest")
        ),
        Method(
            "random", _optuna(lambda seed: RandomSampler(seed=seed)), True, f"{_OPTUNA}: random"
        ),
        Method(
            "tpe",
            _optuna(lambda seed: TPESampler(multivariate=True, n_startup_trials=10, seed=seed)),
            True,
            f"{_OPTUNA}: multivariate TPE",
        ),
        Method(
            "nsga2",
            _optuna(lambda seed: NSGAIISampler(population_size=20, seed=seed)),
            True,
            f"{_OPTUNA}: NSGA-II (Deb et al., 2002), population 20",
        ),
        Method(
            "optuna-gp",
            _optuna(lambda seed: GPSampler(deterministic_objective=True, seed=seed)),
            True,
            f"{_OPTUNA}: Gaussian process",
        ),
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
            "bananas",
            lambda space, seed: Bananas(space, seed=seed),
            False,
            "White et al., AAAI 2021",
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
}
"""A name -> the method."""


def method(name: str) -> Method:
    """The method of that name.

    Raises:
        InvalidArgument: if there is none.
    """
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    return METHODS[name]
