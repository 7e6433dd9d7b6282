"""The candidates that an acquisition is maximised over.

A space of at most 50,000 combinations is enumerated. A larger one, or one with parameters outside
the space, is searched by random draws, by what sources of candidates suggest, by mutation and
crossover of the best points, and then by local search: the neighbours of the best candidates are
scored until none is better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from bonas.spaces import Architecture, Choices, Space
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point

Score = Callable[[Sequence[Point]], Tensor]
"""``N`` points -> ``N`` scores, more is better."""
Keys = frozenset[tuple[object, ...]]
"""Keys of points that are not to be proposed."""

_DRAWN = 768  # candidates of a proposal before local search
_DRAWN_SLOWLY = 192  # where drawing one takes a millisecond or more
_CLIMBERS = 8  # points that local search starts from
_ROUNDS = 12  # of local search, at most
_STEPS = (0.2, 0.05, 0.01)  # moves of a numeric parameter, as a share of its range
_TRIES = 200  # random draws before the space counts as exhausted
_FITTED = 8  # candidates at a time whose numbers are made to keep the bounds


@dataclass(frozen=True)
class CandidatePool:
    """All points that may be proposed: a source of random draws and, where finite, of all points.

    ``excluded`` are keys of points that need no proposal: evaluated, pending, or failed.

    Attributes:
        space: The architectures; None in a search over other parameters alone.
        parameters: The parameters outside the space.
        suggested: Architectures that are among the candidates of a space that is not enumerated.
    """

    space: Space | None
    parameters: Parameters
    suggested: tuple[Architecture, ...] = ()

    def draw(self, rng: np.random.Generator, excluded: Keys) -> Point | None:
        """Return a random point that is not excluded; None if there seems to be none left."""
        for _ in range(_TRIES):
            point = self.fitting(self._random(rng), rng)
            if point is not None and point.key not in excluded:
                return point
        left = [] if self.all is None else [p for p in self.all if p.key not in excluded]
        return left[int(rng.integers(len(left)))] if left else None

    def fitting(self, point: Point, rng: np.random.Generator | None = None) -> Point | None:
        """Return the point, or one whose numbers keep the space's bounds; None if none does.

        It is the nearest one, or with ``rng`` a random one between the smallest and the nearest:
        otherwise all points that are too large would end on the bound.
        """
        if self.space is None or point.architecture is None or not self.space.bounds_numbers:
            return point
        choices = point.architecture.choices
        own = {n: x for n, x in point.values.items() if n in self.space.numeric}
        found = self.space.fitting(choices, own)
        if found is not None and found != own and rng is not None:
            found = self.space.fitting(choices, own, share=float(rng.random()))
        if found is None or found == own:
            return None if found is None else point
        return Point(point.architecture, {**point.values, **found})

    def left(self, excluded: Keys) -> Point | None:
        """Return a point that is not excluded, always the same; None if there seems to be none."""
        return self.draw(np.random.default_rng(0), excluded)

    def extreme(self, number: int, rng: np.random.Generator) -> Point | None:
        """Return the smallest (0) or the largest (1) known architecture; None for higher numbers.

        Size is the costs that the space knows, else the number of nodes. All architectures are
        compared, or the reference set where they are too many.
        """
        if self.space is None or number > 1:
            return None
        among = self.space.members or self.space.reference
        choose = min if number == 0 else max
        return Point(choose(among, key=self._size), self.parameters.sample(rng))

    def _size(self, architecture: Architecture) -> tuple[float, int, int]:
        assert self.space is not None
        costs = self.space.costs(architecture.choices).values()
        graph = architecture.graph
        return sum(math.log1p(cost) for cost in costs), len(graph), len(graph.edges)

    def candidates(
        self,
        best: Sequence[Point],
        excluded: Keys,
        score: Score,
        keep: int,
        rng: np.random.Generator,
    ) -> list[Point]:
        """Return at most ``keep`` distinct points with high scores, the best first.

        ``best`` are evaluated points worth varying, such as the front.
        """
        if self.all is not None:
            scores = score(self.all).clone()
            gone = [self._rows[key] for key in excluded if key in self._rows]
            scores[gone] = -torch.inf
            order = torch.argsort(scores, descending=True, stable=True)
            return [self.all[int(row)] for row in order[: min(keep, len(scores) - len(gone))]]
        third = self._third
        start = [self._random(rng) for _ in range(third)]
        start += [Point(each, self.parameters.sample(rng)) for each in self.suggested]
        if best:
            start += [self._offspring(best, rng) for _ in range(third)]
            picked = rng.permutation(len(best))[:_CLIMBERS]
            start += [near for i in picked for near in self._neighbours(best[i], rng)]
        ranked, scores = _ranked(_new(start, excluded), score, keep)
        for _ in range(_ROUNDS):
            climbers = ranked[:_CLIMBERS]
            around = [near for point in climbers for near in self._neighbours(point, rng)]
            top = float(scores[0]) if ranked else -np.inf
            ranked, scores = _ranked(_new([*ranked, *around], excluded), score, keep)
            if not ranked or float(scores[0]) <= top:
                break
        return self._fitting(ranked, excluded, score)

    def _fitting(
        self,
        ranked: Sequence[Point],
        excluded: Keys,
        score: Score,
    ) -> list[Point]:
        """Return the points that keep the space's bounds, the best first.

        Where numbers may break a bound, a network has to be built to see that: then only the best
        points are tried, and few are returned.
        """
        if self.space is None or not self.space.bounds_numbers:
            return list(ranked)
        for start in range(0, len(ranked), _FITTED):
            some = [self.fitting(point) for point in ranked[start : start + _FITTED]]
            new = _new([point for point in some if point is not None], excluded)
            if new:
                return _ranked(new, score, len(new))[0]
        return []

    @cached_property
    def all(self) -> list[Point] | None:
        """All points, in the order of the space; None if they are too many or have numbers."""
        if self.space is None or self.space.members is None or self.parameters.distributions:
            return None
        return [Point(architecture, {}) for architecture in self.space.members]

    def row(self, point: Point) -> int | None:
        """Return the row in ``all`` of the point, or of an equal network; None if absent."""
        return self._rows.get(point.key)

    def canonical(self, points: Iterable[Point]) -> list[Point]:
        """Return each point as ``all`` has it, so that equal networks are encoded equally."""
        rows = [(point, self.row(point)) for point in points]
        return [p if r is None or self.all is None else self.all[r] for p, r in rows]

    @cached_property
    def _rows(self) -> dict[tuple[object, ...], int]:
        """A key -> its row in ``all``."""
        return {point.key: row for row, point in enumerate(self.all or [])}

    @property
    def _third(self) -> int:
        """A third of the candidates: random ones, offspring, or neighbours of the best."""
        slow = self.space is not None and self.space.slow_to_draw
        return (_DRAWN_SLOWLY if slow else _DRAWN) // 3

    def _random(self, rng: np.random.Generator) -> Point:
        architecture = None
        if self.space is not None:
            architecture = self.space.architecture(self.space.sample(rng))
        return Point(architecture, self.parameters.sample(rng))

    def _offspring(self, parents: Sequence[Point], rng: np.random.Generator) -> Point:
        """Cross the choices of two parents, mutate one or two, and perturb the numbers."""
        one, two = (parents[int(rng.integers(len(parents)))] for _ in range(2))
        values = self.parameters.perturbed(one.values, float(rng.choice(_STEPS)), rng)
        if self.space is None or one.architecture is None or two.architecture is None:
            return Point(None, values)
        other = two.architecture.choices
        crossed = {
            name: choice if rng.random() < 0.5 else other.get(name, choice)
            for name, choice in one.architecture.choices.items()
        }
        return Point(self._mutated(crossed, one.architecture, rng), values)

    def _mutated(
        self, choices: Choices, otherwise: Architecture, rng: np.random.Generator
    ) -> Architecture:
        """Redraw one or two choices; return ``otherwise`` if the space allows none of ten tries."""
        assert self.space is not None
        distributions = self.space.distributions
        names = list(choices)
        for _ in range(10):
            changed = dict(choices)
            for name in rng.choice(names, size=min(len(names), int(rng.integers(1, 3)))):
                options = distributions[name].choices
                changed[str(name)] = options[int(rng.integers(len(options)))]
            whole = self.space.completed(changed, rng)
            if self.space.allows(whole):
                return self.space.architecture(whole)
        return otherwise

    def _neighbours(self, point: Point, rng: np.random.Generator) -> list[Point]:
        """Return points that differ in one choice, and points with slightly other numbers."""
        found: list[Point] = []
        if self.space is not None and point.architecture is not None:
            near = self.space.neighbours(point.architecture.choices, rng)
            some = islice(near, max(1, self._third // _CLIMBERS))
            found += [Point(self.space.architecture(each), point.values) for each in some]
        if self.parameters.distributions:
            for scale in _STEPS:
                for _ in range(8):
                    values = self.parameters.perturbed(point.values, scale, rng)
                    found.append(Point(point.architecture, values))
        return found


def _new(points: Iterable[Point], excluded: Keys) -> list[Point]:
    """Return one point per key, without excluded ones."""
    return list({p.key: p for p in points if p.key not in excluded}.values())


def _ranked(points: Sequence[Point], score: Score, keep: int) -> tuple[list[Point], Tensor]:
    """Return the ``keep`` best points and their scores, the best first."""
    if not points:
        return [], torch.zeros(0)
    scores = score(points)
    order = torch.argsort(scores, descending=True, stable=True)[:keep]
    return [points[int(i)] for i in order], scores[order]
