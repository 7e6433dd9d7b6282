"""Gradient search: policies over choices, improved by gradients through shared weights.

Their results are candidates for a study, and knowledge; never values. The parts are imported when
first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bonas.gradient_search.policy import Policy
    from bonas.gradient_search.result import GradientResult
    from bonas.gradient_search.searching import search

__all__ = ["GradientResult", "Policy", "search"]

_HOME = {"GradientResult": "result", "Policy": "policy", "search": "searching"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
