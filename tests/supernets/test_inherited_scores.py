"""Scores of a supernet as the zero-cost scores of a search."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation.score_source import checked_source
from bonas.spaces import MLPSpace
from bonas.studies.proposing.scoring import Scoring
from bonas.supernets import InheritedScores, Supernet
from tests.trained_supernets import IRIS as _SPACE
from tests.trained_supernets import ON_IRIS as _TRAINING
from tests.trained_supernets import trained


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(_SPACE, _TRAINING, 20, "uniform")


def test_the_score_is_that_of_the_supernet(supernet: Supernet) -> None:
    choices = _SPACE.sample(np.random.default_rng(0))
    source = checked_source(InheritedScores(supernet))
    assert source(_SPACE, choices) == {"supernet": supernet.score(choices)}
    assert source.describe() == supernet.describe()


def test_a_search_keeps_the_scores_in_its_study(supernet: Supernet) -> None:
    source = InheritedScores(supernet)
    result = bonas.optimize(_SPACE, 3, evaluate=_TRAINING, zero_cost=source, seed=0, progress=False)
    scored = Scoring(source, share=None).networks(result.study, _SPACE)
    assert scored is not None
    assert scored.names == ("supernet",)
    first = scored.architectures[0]
    assert math.isclose(scored.values[0, 0], supernet.score(first.choices))
    again = Scoring(_Unasked(supernet), share=None).networks(result.study, _SPACE)
    assert again is not None
    assert np.array_equal(again.values, scored.values)


class _Unasked(InheritedScores):
    """The same scores, which must come from the study."""

    def __call__(self, *_: object) -> dict[str, float]:
        raise AssertionError


def test_networks_of_another_space_are_refused(supernet: Supernet) -> None:
    other = MLPSpace(inputs=4, classes=2)
    with pytest.raises(InvalidArgument, match="expected initial weights of networks of"):
        InheritedScores(supernet)(other, other.sample(np.random.default_rng(0)))


@pytest.mark.parametrize("given", [None, "supernet.pt", Supernet])
def test_what_is_no_supernet_is_refused(given: object) -> None:
    with pytest.raises(InvalidArgument, match="expected a Supernet, got"):
        InheritedScores(given)  # type: ignore[arg-type]  # the mistake


def test_a_supernet_that_was_not_trained_scores_nothing() -> None:
    with pytest.raises(InvalidArgument, match="expected a supernet that was trained"):
        InheritedScores(Supernet(_SPACE, _TRAINING))
