"""Neural architecture search by Bayesian optimisation over graphs.

Given a search space and a way to measure one network, ``optimize`` finds the Pareto front of
accuracy against latency in a few dozen trainings.

Names are imported on first use, so that ``import bonas`` and ``bonas --help`` are instant.
"""

import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PARTS = (
    "benchmarks",
    "encoders",
    "evaluation",
    "gradient_search",
    "spaces",
    "studies",
    "supernets",
    "surrogates",
)
_HOME = {
    "Architecture": "bonas.spaces",
    "ArchitectureGraph": "bonas.spaces",
    "ArchitectureSampler": "bonas.studies",
    "BonasError": "bonas.errors",
    "Candidate": "bonas.evaluation",
    "Objective": "bonas.evaluation",
    "Search": "bonas.studies.search",
    "SearchClassifier": "bonas.deploy.estimators",
    "SearchRegressor": "bonas.deploy.estimators",
    "SearchResult": "bonas.result",
    "Space": "bonas.spaces",
    "ablate": "bonas.benchmarks.comparison",
    "check": "bonas.checking",
    "ensemble": "bonas.deploy.ensemble",
    "finalize": "bonas.deploy.finalize",
    "optimize": "bonas.optimization",
    "space": "bonas.spaces.families.declaration",
}

if TYPE_CHECKING:  # an alias exports a name
    from bonas import benchmarks as benchmarks
    from bonas import encoders as encoders
    from bonas import evaluation as evaluation
    from bonas import gradient_search as gradient_search
    from bonas import spaces as spaces
    from bonas import studies as studies
    from bonas import supernets as supernets
    from bonas import surrogates as surrogates
    from bonas.benchmarks.comparison import ablate as ablate
    from bonas.checking import check as check
    from bonas.deploy.ensemble import ensemble as ensemble
    from bonas.deploy.estimators import SearchClassifier as SearchClassifier
    from bonas.deploy.estimators import SearchRegressor as SearchRegressor
    from bonas.deploy.finalize import finalize as finalize
    from bonas.errors import BonasError as BonasError
    from bonas.evaluation import Candidate as Candidate
    from bonas.evaluation import Objective as Objective
    from bonas.optimization import optimize as optimize
    from bonas.result import SearchResult as SearchResult
    from bonas.spaces import Architecture as Architecture
    from bonas.spaces import ArchitectureGraph as ArchitectureGraph
    from bonas.spaces import Space as Space
    from bonas.spaces.families.declaration import space as space
    from bonas.studies import ArchitectureSampler as ArchitectureSampler
    from bonas.studies.search import Search as Search
else:
    __all__ = sorted([*_HOME, *_PARTS, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return _imported(f"bonas.{name}")
    if name in _HOME:
        return getattr(_imported(_HOME[name]), name)
    raise AttributeError(f"module 'bonas' has no attribute {name!r}")


def _imported(name: str) -> Any:
    """Import a module; restore Python's random state, which a dependency (rich) draws from."""
    before = random.getstate()
    try:
        return import_module(name)
    finally:
        random.setstate(before)


def __dir__() -> list[str]:
    return sorted([*_HOME, *_PARTS, "__version__"])
