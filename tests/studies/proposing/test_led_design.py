"""Zero-cost scores lead the initial design, until they mislead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from bonas.encoders import ScoredNetworks, ZeroCostScores
from bonas.spaces import Architecture, CellSpace
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.led_design import LedDesign
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point

SPACE = CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


def score(architecture: Architecture) -> float:
    return float(sum(c == "nor_conv_3x3" for c in architecture.choices.values()))


def encoder(name: str = "synflow") -> ZeroCostScores:
    values = np.array([[score(a)] for a in SPACE.reference])
    return ZeroCostScores(SPACE, ScoredNetworks(SPACE.reference, (name,), values))


def observed(architectures: Sequence[Architecture], values: Sequence[float]) -> Observations:
    points = [Point(a, {}) for a in architectures]
    Y = torch.tensor([[v] for v in values], dtype=torch.float64)
    excluded = frozenset(point.key for point in points)
    return Observations(
        points, Y.reshape(len(points), 1), torch.full_like(Y, torch.nan), [], excluded
    )


@pytest.fixture(scope="module")
def design() -> LedDesign:
    return LedDesign(SPACE, encoder())


@pytest.fixture(scope="module")
def pool() -> CandidatePool:
    return CandidatePool(SPACE, Parameters({}))


HIGH = max(SPACE.reference, key=score)
LOW = min(SPACE.reference, key=score)


def test_the_first_proposal_is_among_the_best_tenth(design: LedDesign, pool: CandidatePool) -> None:
    limit = np.quantile([score(a) for a in SPACE.reference], 0.9)
    for seed in range(20):
        point = design.point(pool, observed([], []), np.random.default_rng(seed))
        assert point is not None
        assert point.architecture is not None
        assert score(point.architecture) >= limit


def test_after_a_led_proposal_a_random_one_shows_whether_scores_mislead(
    design: LedDesign, pool: CandidatePool
) -> None:
    rng = np.random.default_rng(0)
    assert design.point(pool, observed([HIGH], [1.0]), rng) is None
    assert design.point(pool, observed([HIGH, LOW], [1.0, 0.0]), rng) is not None
    assert design.point(pool, observed([HIGH, LOW], [0.0, 1.0]), rng) is None


def test_the_design_is_short_unless_the_scores_mislead(design: LedDesign) -> None:
    assert design.size(observed([HIGH, LOW], [1.0, 0.0]), 10) == design.n
    assert design.size(observed([HIGH, LOW], [0.0, 1.0]), 10) == 10
    assert design.size(observed([], []), 10) == design.n


def test_later_values_do_not_bring_the_design_back(design: LedDesign) -> None:
    others = [a for a in SPACE.reference if a not in (HIGH, LOW)][:5]
    seen = observed([HIGH, LOW, *others], [1.0, 0.0, 0.5, 0.5, 0.5, 9.0, 9.0])
    assert not design.misleads(seen)


def test_led_proposals_are_new_and_far_from_those_before(
    design: LedDesign, pool: CandidatePool
) -> None:
    first = design.point(pool, observed([], []), np.random.default_rng(0))
    assert first is not None
    assert first.architecture is not None
    drawn = [
        design.point(pool, observed([first.architecture, LOW], [1, 0]), np.random.default_rng(seed))
        for seed in range(60)
    ]
    keys = [point.key for point in drawn if point is not None]
    assert first.key not in keys
    near = [a for a in design._best if a.key != first.architecture.key]
    distances = design._distances([first.architecture, LOW])
    mean = distances[[design._best.index(a) for a in near]].mean()
    of_drawn = [
        distances[design._best.index(p.architecture)] for p in drawn if p and p.architecture
    ]
    assert np.mean(of_drawn) > mean  # k-means++ prefers what is far


def test_scores_of_unknown_meaning_do_not_lead() -> None:
    assert not LedDesign(SPACE, encoder("wave")).has_vote
