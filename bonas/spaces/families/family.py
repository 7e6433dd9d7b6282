"""Families of networks: any function that builds a network becomes a space.

    @bonas.space(input=torch.zeros(1, 3, 32, 32))
    def family(choose):
        width = choose("width", [16, 32, 64])
        layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
        for i in range(choose("depth", [2, 3, 4])):
            layers.append(choose(f"block{i}", {"conv": lambda: block(width), "skip": nn.Identity}))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))

A function written for an Optuna trial (``trial.suggest_categorical(...)``) works as it is. The
graph of a network is what happens when it runs, see ``bonas.spaces.tracing``.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices, Identity
from bonas.spaces.example import Example
from bonas.spaces.families.builder import Builder, Function, told
from bonas.spaces.families.chooser import replayed
from bonas.spaces.families.distinction import Distinction
from bonas.spaces.families.drawing import Drawing, Drawings
from bonas.spaces.families.ranges import Numbers, middle, numbered
from bonas.spaces.families.reach import reachable
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.space import Space

_DRAWS = 1_000  # tries for one valid random combination
_INDEPENDENT = 10  # of them that do not start from a rejected one
_COUNTED = 8  # a space is counted when its parameters alone allow this many times ``enumerable``


class Family(Space):
    """The networks that a function builds; made by ``space``.

    A choice that is asked for only after other choices (the blocks of a deeper network) is part of
    the combinations that lead to it, and of no other. A network counts as valid if the function
    builds it, it runs on the example, and it keeps the bounds.

    Two choices that give isomorphic graphs are one architecture, unless they differ in a choice
    that no graph shows (``distinction``). Numbers (``suggest_float``) are in no graph; while
    networks are drawn they are in the middle of their range, or below where a bound asks for it.
    """

    pool_size = 192
    absent = identities = frozenset[str]()  # labels are functions that ran
    allow_disconnected = True

    def __init__(
        self,
        build: Function,
        example: Example,
        limits: Mapping[str, float],
        identity: Identity | None = None,
    ) -> None:
        self.function, self._example, self.limits = build, example, dict(limits)
        self._given_identity = identity
        self.identity = identity or "graph"

    def __call__(self, trial: BaseTrial) -> nn.Module:
        """The network that an Optuna trial suggests, for an objective: ``model = family(trial)``.

        Raises:
            InvalidSpace: if the function returns no network. What it raises is passed on.
        """
        answer = trial.suggest_categorical
        number = partial(_suggested, trial)
        return self._builder.build(answer, number, trial)

    @property
    def example(self) -> Example:
        """What a network takes."""
        return self._example

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[Choice]]:  # type: ignore[override]  # discovered
        """Every name that is asked for after some choices, with its options."""
        asked = self._drawings.builder.asked.items()
        return {name: x for name, x in asked if isinstance(x, tuple) and len(x) > 1}

    @cached_property
    def numeric(self) -> Mapping[str, BaseDistribution]:  # type: ignore[override]  # discovered
        """Every number that is asked for, with its range."""
        asked = self._drawings.builder.asked.items()
        return {name: x for name, x in asked if not isinstance(x, tuple)}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example, of the first input where there are several."""
        return tuple(self.example.first.shape[1:])

    @cached_property
    def size(self) -> int:
        """The number of combinations; where there are many, an upper bound."""
        bound = math.prod(len(options) for options in self.parameters.values())
        if bound > _COUNTED * self.enumerable:
            return bound
        counted = sum(1 for _ in islice(self._builder.combinations(), self.enumerable + 1))
        return counted if counted <= self.enumerable else bound

    @cached_property
    def enumerable(self) -> int:  # type: ignore[override]  # it depends on the networks here
        """As many as are built and run in some seconds, at most 512."""
        return max(64, min(512, 100_000 // self._nodes))

    @cached_property
    def reference_size(self) -> int:  # type: ignore[override]  # the same
        """As many as are built and run in some seconds, at most 300."""
        return max(64, min(300, 40_000 // self._nodes))

    @cached_property
    def _nodes(self) -> int:
        """Of the graph of the first network."""
        first = self._drawings.of(self._drawings.builder.completed(replayed({}))).graph
        return 1 if first is None else len(first)

    @cached_property
    def distinction(self) -> Distinction:
        """Which options no graph tells apart."""
        names = {name: tuple(options) for name, options in self.parameters.items()}
        return Distinction.of(names, self.completed, self._compared, self._drawings.in_training)

    @property
    def rejected(self) -> dict[str, int]:
        """Of the networks that were looked at: why some are not valid -> how many."""
        return dict(Counter(reason for drawing in self._drawings for reason in self._over(drawing)))

    @property
    def trace_seconds(self) -> tuple[float, int]:
        """Seconds that it takes to build and draw one network, and how many were drawn."""
        drawings = self._drawings
        return drawings.seconds / max(drawings.drawn, 1), drawings.drawn

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """What the network does with the example.

        Raises:
            InvalidSpace: if the function does not build the network, or it does not run.
        """
        drawing = self._drawing(choices)
        if drawing.graph is None:
            raise InvalidSpace(
                f"{self._builder.name} gives no network for {dict(choices)}: {drawing.reason}"
            )
        return drawing.graph

    def build(self, choices: Choices) -> nn.Module:
        """A fresh network; ``choices`` may hold numbers, others are as the network is drawn.

        Raises:
            InvalidSpace: if a choice is missing. What the function raises is passed on.
        """
        return self.build_for(choices, None)

    def build_for(self, choices: Choices, trial: BaseTrial | None) -> nn.Module:
        """As ``build``; what the function notes (``set_user_attr``) stands in the trial."""
        return self._builder.build(
            lambda name, options: _given(choices, name),
            numbered({**self._lowered(choices), **choices}),
            trial,
        )

    def costs(self, choices: Choices) -> dict[str, float]:
        """``parameters``, and ``multiply_adds`` of one example where they are known."""
        return dict(self._drawing(choices).costs)

    def is_valid(self, choices: Choices) -> bool:
        """Whether the network can be built and run, and keeps the bounds.

        ``choices`` may hold numbers; of others there must be some with which it does.
        """
        numbers = {name: choices[name] for name in self.numeric if name in choices}
        if numbers and self.bounds_numbers:
            own = self._own(choices)
            return not self._over(self._drawings.of(own, {**self._lowered(own), **numbers}))
        return not self._over(self._drawing(choices))

    @property
    def bounds_numbers(self) -> bool:
        """Whether there are bounds, and numbers that could break them."""
        return bool(self.limits and self.numeric)

    def fitting(
        self,
        choices: Choices,
        numbers: Mapping[str, Any],
        fixed: Collection[str] = (),
        share: float = 1.0,
    ) -> dict[str, Any] | None:
        """Numbers with which the network keeps the bounds: these, or lower ones; None if none do.

        ``fixed`` ones do not move; a ``share`` below 1 asks for less than the nearest lower ones.
        """
        if not self.bounds_numbers:
            return dict(numbers)
        own = self._own(choices)
        others = {name: value for name, value in self._lowered(own).items() if name not in numbers}

        def fits(values: Mapping[str, Any]) -> bool:
            return not self._over(self._drawings.of(own, {**others, **values}))

        return reachable(self.numeric, numbers, fits, fixed, share)

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        return self._drawings.builder.completed(replayed(some, rng))

    def suggest(self, trial: BaseTrial) -> Choices:
        """The combination that a trial stands for, asked in the order of the function.

        Numbers are asked for even where the network has no use for them, so that every trial has
        the same ones.
        """
        for name, numbers in self.numeric.items():
            _suggested(trial, name, numbers)
        choices: dict[str, Choice] = {}
        while (question := self._builder.after(choices)) is not None:
            choices[question.name] = trial.suggest_categorical(question.name, question.options)
        return choices

    def sample(self, rng: np.random.Generator) -> Choices:
        """One random valid combination.

        Answers are drawn uniformly, one by one. After ten rejected draws the one that came nearest
        to the bounds is varied, one choice at a time.

        Raises:
            InvalidSpace: if none of 1,000 draws is valid.
        """
        nearest, least = dict[str, Choice](), math.inf
        reasons: Counter[str] = Counter()
        for i in range(_DRAWS):
            some = dict(nearest) if i >= _INDEPENDENT else {}
            if some:
                del some[list(some)[int(rng.integers(len(some)))]]
            choices = self.completed(some, rng)
            over = self._over(self._drawing(choices))
            if not over:
                return choices
            reasons.update(over.keys())
            if (excess := max(over.values())) <= least:
                nearest, least = dict(choices), excess
        raise InvalidSpace(
            f"none of {_DRAWS:,} random draws of {self._builder.name} is valid "
            f"({told(reasons)}); raise the bounds, or offer smaller options"
        )

    def __iter__(self) -> Iterator[Choices]:
        return filter(self.is_valid, self._drawings.builder.combinations())

    def describe(self) -> dict[str, Any]:
        """The function's name, the parameters, the shapes of the example, and the bounds."""
        return {
            **super().describe(),
            "space": self._builder.name,
            "input": self.example.describe(),
            **self.limits,
        }

    def __reduce__(self) -> tuple[Callable[..., Family], tuple[Any, ...]]:
        """By the name of the function where that finds it, otherwise by value."""
        module = getattr(self.function, "__module__", None)
        name = getattr(self.function, "__qualname__", None)
        if name and getattr(sys.modules.get(module or ""), name, None) is self:
            return _imported, (module, name)
        return self.by_value()

    def by_value(self) -> tuple[Callable[..., Family], tuple[Any, ...]]:
        """What makes the same family out of the function itself; as ``__reduce__`` returns it."""
        return Family, (self.function, self.example, self.limits, self._given_identity)

    def __repr__(self) -> str:
        return f"<Family {self._builder.name}>"

    @cached_property
    def _builder(self) -> Builder:
        return Builder(self.function)

    @cached_property
    def _drawings(self) -> Drawings:
        """The function's networks; it runs for the first time when they are first asked for."""
        self._builder.discover()
        drawings = Drawings(self._builder, self.example)
        drawings.check()
        return drawings

    def _drawing(self, choices: Choices) -> Drawing:
        own = self._own(choices)
        return self._drawings.of(own, self._lowered(own))

    def _own(self, choices: Choices) -> dict[str, Choice]:
        """Without numbers; also where what is kept of networks is too much and forgotten."""
        if self._drawings.full:
            self._drawings.forget()
            self._latest.clear()
        return {n: x for n, x in choices.items() if n not in self.numeric}

    def _lowered(self, choices: Choices) -> dict[str, Any]:
        """The numbers with which a network is drawn, where their middles break a bound."""
        if not self.bounds_numbers:
            return {}
        own = self._own(choices)
        if not self._over(self._drawings.of(own)):
            return {}
        middles = {name: middle(name, numbers) for name, numbers in self._ranges.items()}

        def fits(values: Mapping[str, Any]) -> bool:
            return values is not middles and not self._over(self._drawings.of(own, values))

        return reachable(self.numeric, middles, fits) or {}

    @property
    def _ranges(self) -> Mapping[str, Numbers]:
        return {name: x for name, x in self.numeric.items() if isinstance(x, Numbers)}

    def _compared(self, choices: Choices) -> tuple[str, int]:
        """The graph's hash, empty where the network is not valid, and its nodes."""
        drawing = self._drawing(choices)
        if drawing.graph is None or self._over(drawing):
            return "", 1
        return drawing.graph.canonical_hash, len(drawing.graph)

    def _mark(self, choices: Choices, declared: ArchitectureGraph, seen: ArchitectureGraph) -> str:
        if self.identity == "graph":
            own = {name: value for name, value in choices.items() if name in self._telling}
            if own:
                return f"{declared.canonical_hash} {own!r}"
        return super()._mark(choices, declared, seen)

    @cached_property
    def _telling(self) -> frozenset[str]:
        """The names whose choice tells networks apart that have equal graphs; told once."""
        strict, found = self._given_identity == "graph", self.distinction
        told = [found.said()] if found.said() else []
        if strict and found.training:
            told.append(f"{', '.join(map(repr, sorted(found.training)))} acts in training alone")
        if told:
            end = (
                "such networks are one, of which one is evaluated (identity='choices' tells all "
                "choices apart)"
                if strict
                else "such networks are evaluated one by one (identity='graph' makes them one)"
            )
            warnings.warn(f"in {self._builder.name} {'; '.join(told)}; {end}", stacklevel=2)
        return frozenset() if strict else found.names

    def _over(self, drawing: Drawing) -> dict[str, float]:
        """Why a network is not valid -> by how much it is over the bound."""
        if drawing.reason:
            return {drawing.reason: math.inf}
        has = {
            "max_params": drawing.costs["parameters"],
            "max_flops": 2 * drawing.costs.get("multiply_adds", 0.0),
            "max_memory": drawing.memory,
        }
        return {
            f"over {name}={limit:,.0f}": has[name] / limit
            for name, limit in self.limits.items()
            if has[name] > limit
        }


def _given(choices: Choices, name: str) -> Choice:
    if name not in choices:
        raise InvalidSpace(f"the choice {name!r} is missing in {dict(choices)}; add it")
    return choices[name]


def _suggested(trial: BaseTrial, name: str, numbers: BaseDistribution) -> float:
    """A number asked of a trial."""
    assert isinstance(numbers, Numbers)
    ask: Any = trial.suggest_int if isinstance(numbers, IntDistribution) else trial.suggest_float
    return float(ask(name, numbers.low, numbers.high, step=numbers.step, log=numbers.log))


def _imported(module: str, name: str) -> Family:
    found = getattr(import_module(module), name)
    assert isinstance(found, Family)  # it was one when it was pickled
    return found
