"""Sources of zero-cost scores: numbers of a network that need no training of it.

A score, such as synflow or the covariance of a network's Jacobian, says a little of how well an
architecture will do. Scores are features of a surrogate and guide its first proposals; they are
never objectives, and no architecture is left out for its scores.

A source looks scores up or computes them from the network that a space builds. One that declares a
``cost`` of 0 seconds per network is asked of every architecture; another one of a few hundred.

Source: Abdelfattah, Mehrotra, Dudziak and Lane (2021), "Zero-cost proxies for lightweight NAS",
ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from bonas.errors import InvalidArgument
from bonas.evaluation.declared import declared_cost
from bonas.spaces import Choices, Space


@runtime_checkable
class ScoreSource(Protocol):
    """A function from an architecture to its zero-cost scores."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the scores, in an order that stays."""
        ...

    def __call__(self, space: Space, choices: Choices, /) -> Mapping[str, float]:
        """Return a score for each name; NaN, or no item, where the network has none."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON values that decide the scores, so that stored ones can be compared."""
        ...


@runtime_checkable
class SupportsScores(Protocol):
    """An evaluator that says which zero-cost scores its architectures have."""

    @property
    def scores(self) -> ScoreSource | None:
        """Their source; None if they have none, and none are to be computed, as of a table."""
        ...


@runtime_checkable
class _Joint(Protocol):
    """Several evaluators as one: ``Stages``."""

    @property
    def evaluators(self) -> Sequence[object]:
        """The evaluators."""
        ...


def declared_scores(evaluate: object) -> ScoreSource | None:
    """Return the source of scores that an evaluator, or one of its stages, declares; None if none.

    Raises:
        InvalidArgument: if it declares something else.
    """
    found = [part.scores for part in _scored_parts(evaluate)]
    return next((checked_source(each) for each in found if each is not None), None)


def computes_none(evaluate: object) -> bool:
    """Return whether an evaluator, or one of its stages, declares that there are no scores."""
    return any(part.scores is None for part in _scored_parts(evaluate))


def _scored_parts(evaluate: object) -> list[SupportsScores]:
    parts = evaluate.evaluators if isinstance(evaluate, _Joint) else (evaluate,)
    return [part for part in parts if isinstance(part, SupportsScores)]


def checked_source(given: object) -> ScoreSource:
    """Return a source of scores.

    Raises:
        InvalidArgument: if ``given`` is none, or names no score or one twice.
    """
    if isinstance(given, type) or not isinstance(given, ScoreSource):
        raise InvalidArgument(
            "expected a source of zero-cost scores: an object with names and describe() that is "
            f"called with a space and choices, got {given!r}"
        )
    names = list(given.names)
    if not names or len(set(names)) < len(names) or not all(isinstance(n, str) for n in names):
        raise InvalidArgument(f"expected scores with different names, got {names} of {given!r}")
    return given


def is_free(source: ScoreSource) -> bool:
    """Return whether a source declares that scores cost no time, as those of a table.

    Raises:
        InvalidArgument: if its ``cost`` is no number of seconds.
    """
    return declared_cost(source) == 0
