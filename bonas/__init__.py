"""Neural architecture search by Bayesian optimisation over graphs.

Say which networks are possible (a space) and how one is measured; ``optimize`` finds the front of
accuracy against latency in a few dozen trainings.

The parts are imported when first used, so that ``import bonas`` and ``bonas --help`` are instant.
"""

import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bonas import benchmarks, encoders, evaluation, spaces, studies, surrogates
    from bonas.benchmarks.comparison import ablate
    from bonas.errors import BonasError
    from bonas.evaluation import Candidate, Objective
    from bonas.optimization import optimize
    from bonas.result import SearchResult
    from bonas.spaces import Architecture, ArchitectureGraph, Space
    from bonas.spaces.families.declaration import space
    from bonas.studies import ArchitectureSampler
    from bonas.studies.search import Search

__version__ = "0.1.0"

__all__ = [
    "Architecture",
    "ArchitectureGraph",
    "ArchitectureSampler",
    "BonasError",
    "Candidate",
    "Objective",
    "Search",
    "SearchResult",
    "Space",
    "__version__",
    "ablate",
    "benchmarks",
    "encoders",
    "evaluation",
    "optimize",
    "space",
    "spaces",
    "studies",
    "surrogates",
]

_HOME = {
    "Architecture": "bonas.spaces",
    "ArchitectureGraph": "bonas.spaces",
    "ArchitectureSampler": "bonas.studies",
    "BonasError": "bonas.errors",
    "Candidate": "bonas.evaluation",
    "Objective": "bonas.evaluation",
    "Search": "bonas.studies.search",
    "SearchResult": "bonas.result",
    "Space": "bonas.spaces",
    "ablate": "bonas.benchmarks.comparison",
    "optimize": "bonas.optimization",
    "space": "bonas.spaces.families.declaration",
}
_PARTS = ("benchmarks", "encoders", "evaluation", "spaces", "studies", "surrogates")


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return _imported(f"bonas.{name}")
    if name in _HOME:
        return getattr(_imported(_HOME[name]), name)
    raise AttributeError(f"module 'bonas' has no attribute {name!r}")


def _imported(name: str) -> Any:
    """A module; a package that others import (rich) draws from Python's random state on the way."""
    before = random.getstate()
    try:
        return import_module(name)
    finally:
        random.setstate(before)


def __dir__() -> list[str]:
    return __all__
