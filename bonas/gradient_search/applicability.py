"""When a parameter of a space applies: the choices of others that lead to it.

    P(name applies) = sum over its branches of prod over (other, option) in the branch of p(option)

A branch is what has to be chosen before it: ``stage2_depth = 3`` for the kernel of a third block.
The branches of a parameter exclude each other, and choices are drawn independently, so that the sum
is exact and differentiable. In a ``ConditionalSpace`` they are found by asking ``applies`` with
choices that are given one by one, as it reads them: what it does not read does not multiply the
branches. In a family they are the answers before a question. Where there are too many branches,
there are none here, and expectations are estimated from draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from math import prod

import torch
from torch import Tensor

from bonas.spaces import Choice, Choices, Space
from bonas.spaces.combinations import Combinations
from bonas.spaces.conditional import ConditionalSpace

Branch = tuple[tuple[str, int], ...]
"""The parameters that are read, each with the index of its option."""

_MOST = 4_096  # branches of one parameter
_MOST_ANSWERS = 1_024  # answers of a family that are tried in all
_ABSENT = -1  # in place of an index: the parameter does not apply


def branches_of(space: Space) -> dict[str, list[Branch]] | None:
    """Return the branches that lead to each parameter; None where there are too many.

    One branch without conditions stands for a parameter that always applies.
    """
    if type(space).completed is Combinations.completed:
        return {name: [()] for name in space.distributions}
    if isinstance(space, ConditionalSpace):
        return _read_branches(space)
    return _asked_branches(space)


def applying(branches: list[Branch], probabilities: Mapping[str, Tensor]) -> Tensor:
    """Return the probability that a parameter applies, given those of all options."""
    one = torch.ones((), dtype=torch.float64)
    return sum(
        (prod((probabilities[name][i] for name, i in each), start=one) for each in branches),
        start=torch.zeros((), dtype=torch.float64),
    )


def _read_branches(space: ConditionalSpace) -> dict[str, list[Branch]] | None:
    found: dict[str, list[Branch]] = {}
    for name in space.distributions:
        try:
            cases = list(islice(_cases(space, name, {}), _MOST + 1))
        except _Enumerated:
            return None
        if len(cases) > _MOST:
            return None
        found[name] = [()] if all(there for _, there in cases) else _leading(cases)
    return found


def _leading(cases: list[tuple[dict[str, int], bool]]) -> list[Branch]:
    return [
        tuple((name, i) for name, i in known.items() if i != _ABSENT)
        for known, there in cases
        if there
    ]


def _cases(
    space: ConditionalSpace, name: str, known: dict[str, int]
) -> Iterator[tuple[dict[str, int], bool]]:
    """Yield what is read of the other parameters, and whether ``name`` applies then."""
    try:
        there = bool(space.applies(name, _Earlier(space, name, known)))
    except _Unknown as unknown:
        other = unknown.name
    else:
        yield known, there
        return
    for more, exists in _cases(space, other, known):
        indices = range(len(space.distributions[other].choices)) if exists else [_ABSENT]
        for i in indices:
            yield from _cases(space, name, {**more, other: i})


class _Unknown(Exception):
    """A parameter was read that has no choice yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Enumerated(Exception):
    """All choices were read at once."""


class _Earlier(Mapping[str, Choice]):
    """The choices before a parameter, as far as they are known."""

    def __init__(self, space: Space, name: str, known: Mapping[str, int]) -> None:
        names = list(space.distributions)
        self._before = frozenset(names[: names.index(name)])
        self._space, self._known = space, known

    def __getitem__(self, name: str) -> Choice:
        if name not in self._before or self._known.get(name) == _ABSENT:
            raise KeyError(name)
        if name not in self._known:
            raise _Unknown(name)
        value: Choice = self._space.distributions[name].choices[self._known[name]]
        return value

    def __iter__(self) -> Iterator[str]:
        raise _Enumerated

    def __len__(self) -> int:
        raise _Enumerated


def _asked_branches(space: Space) -> dict[str, list[Branch]] | None:
    """Return the branches of a space that only ``completed`` knows, such as a family."""
    if space.size > space.enumerable:
        return None
    found: dict[str, list[Branch]] = {name: [] for name in space.distributions}
    prefixes: list[dict[str, Choice]] = [{}]
    for _ in range(_MOST_ANSWERS):
        if not prefixes:
            return found
        prefix = prefixes.pop()
        name = next(islice(space.completed(prefix), len(prefix), None), None)
        if name is not None:
            found[name].append(_indexed(space, prefix))
            options = space.distributions[name].choices
            prefixes += [{**prefix, name: option} for option in options]
    return None


def _indexed(space: Space, choices: Choices) -> Branch:
    return tuple((n, space.distributions[n].choices.index(x)) for n, x in choices.items())
