"""A source of zero-cost scores is declared by an evaluator, and checked where it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Stages
from bonas.evaluation.score_source import checked_source, computes_none, declared_scores, is_free
from bonas.spaces import Choices, Space


@dataclass(frozen=True)
class Widths:
    """Scores that are read off the choices."""

    names: Sequence[Any] = ("width",)
    cost: Any = 0.0

    def __call__(self, space: Space, choices: Choices) -> Mapping[str, float]:
        return {"width": float(choices["width"])}

    def describe(self) -> dict[str, Any]:
        return {"scores": "widths"}


@dataclass(frozen=True)
class Scored:
    """An evaluator with scores of its own."""

    scores: Any = Widths()

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        return {"accuracy": 1.0}


def other(candidate: Candidate) -> dict[str, float]:
    """Measure something else."""
    return {"size": 1.0}


def test_scores_of_an_evaluator_are_those_of_the_stages_it_is_part_of() -> None:
    assert declared_scores(Scored()) == Widths()
    assert declared_scores(Stages([other, Scored()])) == Widths()


def test_an_evaluator_may_say_that_there_are_none_to_compute() -> None:
    assert computes_none(Scored(None))
    assert computes_none(Stages([other, Scored(None)]))
    assert not computes_none(Scored())
    assert not computes_none(Stages([other]))


def test_plain_functions_declare_no_scores() -> None:
    assert declared_scores(other) is None
    assert declared_scores(Stages([other])) is None
    assert declared_scores(Scored(None)) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("synflow", "got 'synflow'", id="a word"),
        pytest.param(other, "source of zero-cost scores", id="a function without names"),
        pytest.param(Widths, "source of zero-cost scores", id="a class"),
        pytest.param(Widths(()), "different names", id="no score"),
        pytest.param(Widths(("width", "width")), "different names", id="a score twice"),
        pytest.param(Widths((3,)), "different names", id="a number as a name"),
    ],
)
def test_what_is_no_source_is_refused(given: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        checked_source(given)
    with pytest.raises(InvalidArgument, match=message):
        declared_scores(Scored(given))


def test_only_a_cost_of_zero_makes_scores_free() -> None:
    assert is_free(Widths())
    assert not is_free(Widths(cost=0.2))
    with pytest.raises(InvalidArgument, match="cost"):
        is_free(Widths(cost="little"))
