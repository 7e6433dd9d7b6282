"""bonas itself as a method of a comparison: a search with some settings, told what is evaluated.

Other methods see a space alone. A search also reads what the evaluation declares: which objectives
are cheap enough to be measured first, and zero-cost scores; and it may stop evaluations early.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from bonas.errors import InvalidArgument
from bonas.evaluation import Evaluator, Objective
from bonas.evaluation.score_source import declared_scores
from bonas.spaces import Space
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.search import Search

_OF_SEARCH = frozenset(f.name for f in fields(Search)) - {"space", "evaluate", "objectives"}
_OF_SAMPLER = frozenset(inspect.signature(Search.sampler).parameters) - {"self", "seed"}


@dataclass(frozen=True)
class SearchSettings:
    """A picklable maker of searches with these keyword arguments of ``bonas.optimize``.

    Args:
        settings: Keyword arguments of ``Search`` other than what is searched and measured
            (``surrogate``, ``encoder``, ``stopping``, ...), or ``acquisition``, ``n_initial`` and
            ``reference_point`` of ``ArchitectureSampler``.

    Raises:
        InvalidArgument: for an unknown setting.
    """

    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        wrong = sorted(map(str, self.settings.keys() - _OF_SEARCH - _OF_SAMPLER))
        if wrong:
            raise InvalidArgument(
                f"unknown settings {wrong} of a search; expected some of "
                f"{sorted(_OF_SEARCH | _OF_SAMPLER)}"
            )

    def search(
        self,
        space: Space,
        evaluate: Evaluator,
        objectives: Sequence[Objective],
        *,
        is_looked_up: bool = False,
    ) -> Search:
        """Return the search of a space with that evaluation.

        Where evaluations are looked up, zero-cost scores are those that the evaluator declares:
        none are computed, which would take longer than the evaluations and depend on the time.
        """
        own = {name: value for name, value in self.settings.items() if name in _OF_SEARCH}
        if is_looked_up and own.get("zero_cost", True) is True:
            own["zero_cost"] = declared_scores(evaluate) is not None
        return Search(space, evaluate, objectives, **own)

    def sampler(self, search: Search, seed: int) -> ArchitectureSampler:
        """Return the sampler of a search that ``search`` has returned."""
        own = {name: value for name, value in self.settings.items() if name in _OF_SAMPLER}
        return search.sampler(seed, **own)

    def __call__(self, space: Space, seed: int) -> ArchitectureSampler:
        """Return the sampler of a search that knows nothing of the evaluation."""
        return self.sampler(self.search(space, _unknown, (), is_looked_up=True), seed)

    def describe(self) -> dict[str, Any]:
        """Return the settings; an object is described by its name alone."""
        return {name: _plain(value) for name, value in self.settings.items()}


def _unknown(_: object) -> dict[str, float]:
    raise AssertionError("a sampler evaluates nothing")


def _plain(value: object) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return getattr(value, "__qualname__", type(value).__qualname__)
