"""Candidates: a small space is enumerated, a large one is climbed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from optuna.distributions import (
    FloatDistribution,
)
from torch import Tensor

from bonas.spaces import ArchitectureGraph, CellSpace, Choices, MobileSpace, Space
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point

NUMBER = {"rate": FloatDistribution(1e-4, 1e-1, log=True)}


class _Large(Space):
    """4^12 architectures: too many to list."""

    parameters = {f"layer{i}": ["a", "b", "c", "d"] for i in range(12)}  # noqa: RUF012 # as users write it

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", *map(str, choices.values()), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


def test_a_small_space_is_enumerated_without_what_is_excluded() -> None:
    space = CellSpace(nodes=3)
    pool = CandidatePool(space, Parameters({}))
    assert space.members is not None
    everything = [Point(a, {}) for a in space.members]
    excluded = frozenset(p.key for p in everything[:-3])

    def score(points: list[Point]) -> Tensor:
        return torch.arange(len(points), dtype=torch.float64)

    found = pool.candidates([], excluded, score, 10, np.random.default_rng(0))
    assert [p.key for p in found] == [p.key for p in everything[:-4:-1]]
    drawn = pool.draw(np.random.default_rng(0), excluded)
    assert drawn is not None
    assert drawn.key in {p.key for p in everything[-3:]}
    assert pool.draw(np.random.default_rng(0), frozenset(p.key for p in everything)) is None


def test_local_search_climbs_to_the_top_of_a_large_space() -> None:
    """One of 4^12 architectures is the best, and single changes lead to it."""
    space = _Large()
    target = {name: "abcd"[i % 4] for i, name in enumerate(space.parameters)}

    def score(points: list[Point]) -> Tensor:
        hits = [
            sum(p.architecture.choices[n] == v for n, v in target.items())
            for p in points
            if p.architecture is not None
        ]
        return torch.tensor(hits, dtype=torch.float64)

    pool = CandidatePool(space, Parameters(NUMBER))
    found = pool.candidates([], frozenset(), score, 20, np.random.default_rng(0))
    assert len(found) == 20
    assert len({p.key for p in found}) == 20
    assert found[0].architecture is not None
    assert dict(found[0].architecture.choices) == target


def test_numbers_outside_the_space_are_searched_too() -> None:
    pool = CandidatePool(
        None, Parameters({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(-5, 5)})
    )

    def score(points: list[Point]) -> Tensor:
        return torch.tensor(
            [-((p.values["x"] - 0.3) ** 2) - ((p.values["y"] - 2.0) / 10) ** 2 for p in points]
        ).double()

    best = pool.candidates([], frozenset(), score, 5, np.random.default_rng(0))[0]
    assert best.values["x"] == pytest.approx(0.3, abs=0.03)
    assert best.values["y"] == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize(
    ("space", "third"), [(CellSpace(nodes=6), 256), (MobileSpace(), 64), (None, 256)]
)
def test_a_third_of_the_candidates_is_drawn_at_random(space: Space | None, third: int) -> None:
    """Draw fewer where a graph takes milliseconds, as mobile networks do; twins count once."""
    pool, scored = CandidatePool(space, Parameters({} if space else NUMBER)), []

    def score(points: list[Point]) -> Tensor:
        scored.append(len(points))
        return torch.zeros(len(points))

    pool.candidates([], frozenset(), score, 4, np.random.default_rng(0))
    assert third - 2 <= scored[0] <= third
