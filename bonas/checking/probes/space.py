"""The space of a search: draws, graphs, and which of the networks can be built."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bonas.checking.events import EventLog, Problem
from bonas.evaluation.candidate import Candidate
from bonas.settings import own_settings
from bonas.spaces import Architecture, Choices, Space
from bonas.studies.search import Search

_DRAWS = 64
_COMBINATIONS = 200  # of which those that may be proposed are counted


@dataclass(frozen=True)
class SpaceProbe:
    """Draws architectures of the space, and finds a small and a large one.

    Attributes:
        search: The search.
        seed: Of the draws.
        seconds: For the draws, and again for the small and the large architecture.
    """

    search: Search
    seed: int
    seconds: float

    @own_settings()
    def run(self, log: EventLog) -> None:
        """Write the steps parameters, objectives, draws, allowed and sizes."""
        space, rng = self.search.space, np.random.default_rng(self.seed)
        with log.step("parameters") as facts:
            facts["parameters"] = len(space.distributions)
            facts["combinations"] = space.size
        with log.step("objectives") as facts:
            facts["goals"], facts["limits"] = self.search.goals, self.search.limits
            self.search.describe()
        with log.step("draws") as facts:
            drawn = self._draw(space, rng, facts, log)
        with log.step("allowed") as facts:
            facts.update(_allowed(space, rng, self.seconds / 2))
        with log.step("sizes") as facts:
            smallest, largest = _extremes(space, drawn, self.seconds)
            facts["smallest"], facts["largest"] = smallest, largest
            facts["costs"] = [dict(space.costs(each)) for each in (smallest, largest)]

    def _draw(
        self, space: Space, rng: np.random.Generator, facts: dict[str, Any], log: EventLog
    ) -> list[Architecture]:
        """Draw until there are enough, or the time is over; note the choices in ``facts``."""
        drawn: list[Architecture] = []
        facts["drawn"], seconds = [], []
        began = time.perf_counter()
        while len(drawn) < _DRAWS and (not drawn or time.perf_counter() - began < self.seconds):
            before = time.perf_counter()
            choices = space.sample(rng)
            facts["trying"] = dict(choices)
            if not drawn:
                log.note("draws", facts)
            architecture = space.architecture(choices)
            _ = architecture.key
            seconds.append(time.perf_counter() - before)
            drawn.append(architecture)
            facts["drawn"].append(dict(choices))
            facts["distinct"] = len({each.key for each in drawn})
            facts["seconds"] = float(np.mean(seconds[1:] or seconds))  # the first one warms up
        facts["builds"] = type(space).build is not Space.build
        return drawn


@dataclass(frozen=True)
class BuildProbe:
    """Builds the networks of some choices, each once.

    Attributes:
        search: The search.
        choices: Whose networks.
    """

    search: Search
    choices: Sequence[Choices]

    def run(self, log: EventLog) -> None:
        """Write the step builds, which goes on after a network that cannot be built."""
        with log.step("builds") as facts:
            facts["built"], facts["failed"], facts["fine"] = 0, [], []
            for choices in self.choices:
                facts["trying"] = dict(choices)
                log.note("builds", facts)
                try:
                    Candidate.without_trial(self.search.space, choices).build()
                except Exception as error:
                    facts["failed"].append((dict(choices), Problem.of(error)))
                else:
                    facts["built"] += 1
                    facts["fine"].append(dict(choices))


def _allowed(space: Space, rng: np.random.Generator, seconds: float) -> dict[str, int]:
    """Return how many random combinations were looked at, and how many may be proposed."""
    began, seen, allowed = time.perf_counter(), 0, 0
    while seen < _COMBINATIONS and time.perf_counter() - began < seconds:
        allowed += space.allows(space.completed({}, rng))
        seen += 1
    return {"seen": seen, "allowed": allowed}


def _extremes(
    space: Space, drawn: Sequence[Architecture], seconds: float
) -> tuple[Choices, Choices]:
    """Return the smallest and the largest architecture found from the drawn ones."""
    ordered = sorted(drawn, key=lambda each: _size(space, each))
    small = _climbed(space, ordered[0], -1, seconds / 2)
    large = _climbed(space, ordered[-1], 1, seconds / 2)
    return small.choices, large.choices


def _climbed(space: Space, start: Architecture, sign: int, seconds: float) -> Architecture:
    """Change one choice after the other as long as the network grows (1) or shrinks (-1)."""
    end, best = time.perf_counter() + seconds, start
    is_better = True
    while is_better and time.perf_counter() < end:
        is_better = False
        for choices in space.neighbours(best.choices):
            if time.perf_counter() > end:
                break
            other = space.architecture(choices)
            if sign * _signed(_size(space, other), _size(space, best)) > 0:
                best, is_better = other, True
                break
    return best


def _size(space: Space, architecture: Architecture) -> tuple[float, int, int]:
    """Return the logarithms of all costs added up; then nodes and edges."""
    costs = space.costs(architecture.choices).values()
    graph = architecture.graph
    return sum(math.log1p(cost) for cost in costs), len(graph), len(graph.edges)


def _signed(one: tuple[float, int, int], other: tuple[float, int, int]) -> int:
    return (one > other) - (one < other)
