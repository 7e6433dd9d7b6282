"""A family of networks: any function that builds a network becomes a space.

    @bonas.space(input=torch.zeros(1, 3, 32, 32))
    def family(choose):
        width = choose("width", [16, 32, 64])
        layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
        for i in range(choose("depth", [2, 3, 4])):
            layers.append(choose(f"block{i}", {"conv": lambda: block(width), "skip": nn.Identity}))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))

A function written for an Optuna trial (``trial.suggest_categorical(...)``) works as it is. The
graph of a network consists of the functions that it calls when it runs, see
``bonas.spaces.tracing``.
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
from bonas.spaces.families.bounds import Bounds
from bonas.spaces.families.builder import Builder, Function, most_frequent
from bonas.spaces.families.chooser import replayed
from bonas.spaces.families.distinction import Distinction
from bonas.spaces.families.profiles import Profile, Profiler
from bonas.spaces.families.ranges import Numbers, middle, numbered
from bonas.spaces.families.reach import reachable
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.space import Space

_DRAWS = 1_000  # tries for one valid random combination
_INDEPENDENT = 10  # of these, the ones that do not vary a rejected one
_COUNTED = 8  # a space is counted unless its parameters allow this many times ``enumerable``


class Family(Space):
    """The space of the networks that a function builds; made by ``bonas.space``.

    A choice that is asked for only after other choices (the blocks of a deeper network) belongs to
    the combinations that lead to it, and to no other. A network is valid if the function builds it,
    it runs on the example, and it keeps the bounds.

    Two combinations with isomorphic graphs are one architecture, unless they differ in a choice
    that no graph shows (``distinction``). Numbers (``suggest_float``) are in no graph; graphs and
    costs are those of the middle of each range, or of lower numbers if a bound requires that.
    """

    bounds = frozenset({"max_params", "max_flops", "max_memory"})
    slow_to_draw = True
    absent = identities = frozenset[str]()  # labels are functions that ran, not names of options
    allow_disconnected = True

    def __init__(
        self,
        build: Function,
        example: Example,
        limits: Mapping[str, float],
        identity: Identity | None = None,
    ) -> None:
        self.function, self._example, self.limits = build, example, dict(limits)
        self._bounds = Bounds(self.limits)
        self._given_identity = identity
        self.identity = identity or "graph"

    def __call__(self, trial: BaseTrial) -> nn.Module:
        """Build the network that an Optuna trial suggests: ``model = family(trial)``.

        Raises:
            InvalidSpace: if the function returns no network. Errors of the function are passed on.
        """
        answer = trial.suggest_categorical
        number = partial(_suggest, trial)
        return self._builder.build(answer, number, trial)

    @property
    def example(self) -> Example:
        """The example of a network's inputs."""
        return self._example

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[Choice]]:  # type: ignore[override]  # discovered
        """Every name that is asked for after some choices -> its options."""
        asked = self._profiler.builder.asked.items()
        return {name: x for name, x in asked if isinstance(x, tuple) and len(x) > 1}

    @cached_property
    def numeric(self) -> Mapping[str, BaseDistribution]:  # type: ignore[override]  # discovered
        """Every number that is asked for -> its range."""
        asked = self._profiler.builder.asked.items()
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
        """As many networks as can be traced in some seconds, at most 512."""
        return max(64, min(512, 100_000 // self._nodes))

    @cached_property
    def reference_size(self) -> int:  # type: ignore[override]  # the same
        """As many networks as can be traced in some seconds, at most 300."""
        return max(64, min(300, 40_000 // self._nodes))

    @cached_property
    def _nodes(self) -> int:
        """The number of nodes of the first network."""
        first = self._profiler.profile(self._profiler.builder.completed(replayed({}))).graph
        return 1 if first is None else len(first)

    @cached_property
    def distinction(self) -> Distinction:
        """The names whose options are not all distinguished by graphs."""
        names = {name: tuple(options) for name, options in self.parameters.items()}
        return Distinction.of(names, self.completed, self._graph_hash, self._profiler.training_hash)

    @property
    def rejected(self) -> dict[str, int]:
        """Why networks are not valid -> how many, among those that were profiled."""
        violations = map(self._bounds.violations, self._profiler)
        return dict(Counter(reason for found in violations for reason in found))

    @property
    def trace_seconds(self) -> tuple[float, int]:
        """Mean seconds to build and trace a network, and how many were traced."""
        return self._profiler.seconds / max(self._profiler.made, 1), self._profiler.made

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the graph of the network as it runs on the example.

        Raises:
            InvalidSpace: if the function does not build the network, or it does not run.
        """
        profile = self._profile(choices)
        if profile.graph is None:
            raise InvalidSpace(
                f"{self._builder.name} gives no network for {dict(choices)}: {profile.failure}"
            )
        return profile.graph

    def outline(self, choices: Choices) -> Outline:
        """Return the graph with sizes, shapes and the modules that its operations belong to.

        Nodes that mark the order of arguments are left out.

        Raises:
            InvalidSpace: as ``graph`` does.
        """
        graph = self.graph(choices)
        own = self._without_numbers(choices)
        return self._profiler.outline(own, self._lowered(own)) or Outline.of_graph(graph)

    def build(self, choices: Choices) -> nn.Module:
        """Build a new network; ``choices`` may hold numbers, others are those of its profile.

        Raises:
            InvalidSpace: if a choice is missing. Errors of the function are passed on.
        """
        return self.build_for(choices, None)

    def build_for(self, choices: Choices, trial: BaseTrial | None) -> nn.Module:
        """Build a new network; attributes that the function sets are stored in the trial."""
        return self._builder.build(
            lambda name, options: _require(choices, name),
            numbered({**self._lowered(choices), **choices}),
            trial,
        )

    def costs(self, choices: Choices) -> dict[str, float]:
        """Return ``parameters``, and ``multiply_adds`` of one example where they are known."""
        return dict(self._profile(choices).costs)

    def is_valid(self, choices: Choices) -> bool:
        """Return whether the network can be built, runs, and keeps the bounds.

        ``choices`` may hold numbers; for the others, some numbers must exist with which it does.
        """
        numbers = {name: choices[name] for name in self.numeric if name in choices}
        if numbers and self.bounds_numbers:
            own = self._without_numbers(choices)
            return self._keeps_bounds(own, {**self._lowered(own), **numbers})
        return not self._bounds.violations(self._profile(choices))

    @property
    def bounds_numbers(self) -> bool:
        """Whether there are bounds, and numbers that could violate them."""
        return bool(self._bounds and self.numeric)

    def fitting(
        self,
        choices: Choices,
        numbers: Mapping[str, Any],
        fixed: Collection[str] = (),
        share: float = 1.0,
    ) -> dict[str, Any] | None:
        """Return numbers with which the network keeps the bounds: these or lower; None if none do.

        ``fixed`` ones do not move; a ``share`` below 1 gives less than the largest that fit.
        """
        if not self.bounds_numbers:
            return dict(numbers)
        own = self._without_numbers(choices)
        others = {name: value for name, value in self._lowered(own).items() if name not in numbers}

        def fits(values: Mapping[str, Any]) -> bool:
            return self._keeps_bounds(own, {**others, **values})

        return reachable(self.numeric, numbers, fits, fixed, share)

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        return self._profiler.builder.completed(replayed(some, rng))

    def suggest(self, trial: BaseTrial) -> Choices:
        """Ask a trial for a combination, in the order of the function's questions.

        Numbers are asked for even where the network does not use them, so that every trial has the
        same ones.
        """
        for name, numbers in self.numeric.items():
            _suggest(trial, name, numbers)
        choices: dict[str, Choice] = {}
        while (question := self._builder.next_question(choices)) is not None:
            choices[question.name] = trial.suggest_categorical(question.name, question.options)
        return choices

    def sample(self, rng: np.random.Generator) -> Choices:
        """Draw a random valid combination.

        Answers are drawn uniformly, one by one. After ten rejected draws the one that was nearest
        to the bounds is varied, one choice at a time.

        Raises:
            InvalidSpace: if none of 1,000 draws is valid.
        """
        nearest, least = dict[str, Choice](), math.inf
        failures: Counter[str] = Counter()
        for i in range(_DRAWS):
            some = dict(nearest) if i >= _INDEPENDENT else {}
            if some:
                del some[list(some)[int(rng.integers(len(some)))]]
            choices = self.completed(some, rng)
            violations = self._bounds.violations(self._profile(choices))
            if not violations:
                return choices
            failures.update(violations.keys())
            if (excess := max(violations.values())) <= least:
                nearest, least = dict(choices), excess
        raise InvalidSpace(
            f"none of {_DRAWS:,} random draws of {self._builder.name} is valid "
            f"({most_frequent(failures)}); raise the bounds, or offer smaller options"
        )

    def __iter__(self) -> Iterator[Choices]:
        return filter(self.is_valid, self._profiler.builder.combinations())

    def describe(self) -> dict[str, Any]:
        """Return the function's name, the parameters, the shapes of the example, and the bounds."""
        return {
            **super().describe(),
            "space": self._builder.name,
            "input": self.example.describe(),
            **self.limits,
        }

    def __reduce__(self) -> tuple[Callable[..., Family], tuple[Any, ...]]:
        """Pickle by the name of the function where that finds it, otherwise by value."""
        module = getattr(self.function, "__module__", None)
        name = getattr(self.function, "__qualname__", None)
        if name and getattr(sys.modules.get(module or ""), name, None) is self:
            return _import_family, (module, name)
        return self.by_value()

    def by_value(self) -> tuple[Callable[..., Family], tuple[Any, ...]]:
        """Return a recipe from the function itself, in the form of ``__reduce__``."""
        return Family, (self.function, self.example, self.limits, self._given_identity)

    def __repr__(self) -> str:
        return f"<Family {self._builder.name}>"

    @cached_property
    def _builder(self) -> Builder:
        return Builder(self.function)

    @cached_property
    def _profiler(self) -> Profiler:
        """The profiler; the function runs for the first time when it is first used."""
        self._builder.discover()
        profiler = Profiler(self._builder, self.example)
        profiler.check()
        return profiler

    def _profile(self, choices: Choices) -> Profile:
        own = self._without_numbers(choices)
        return self._profiler.profile(own, self._lowered(own))

    def _without_numbers(self, choices: Choices) -> dict[str, Choice]:
        """Drop the numbers; and first all profiles, if too many are kept."""
        if self._profiler.full:
            self._profiler.forget()
            self._latest.clear()
        return {name: x for name, x in choices.items() if name not in self.numeric}

    def _keeps_bounds(self, choices: Choices, numbers: Mapping[str, Any]) -> bool:
        return not self._bounds.violations(self._profiler.profile(choices, numbers))

    def _lowered(self, choices: Choices) -> dict[str, Any]:
        """Return the numbers of a profile where those in the middle violate a bound; else none."""
        if not self.bounds_numbers:
            return {}
        own = self._without_numbers(choices)
        if self._keeps_bounds(own, {}):
            return {}
        ranges = {name: x for name, x in self.numeric.items() if isinstance(x, Numbers)}
        middles = {name: middle(name, numbers) for name, numbers in ranges.items()}

        def fits(values: Mapping[str, Any]) -> bool:
            return values is not middles and self._keeps_bounds(own, values)

        return reachable(self.numeric, middles, fits) or {}

    def _graph_hash(self, choices: Choices) -> tuple[str, int]:
        """Return the hash of the graph, empty if the network is not valid, and its nodes."""
        profile = self._profile(choices)
        if profile.graph is None or self._bounds.violations(profile):
            return "", 1
        return profile.graph.canonical_hash, len(profile.graph)

    def _mark(self, choices: Choices, declared: ArchitectureGraph, seen: ArchitectureGraph) -> str:
        if self.identity == "graph":
            own = {name: value for name, value in choices.items() if name in self._identifying}
            if own:
                return f"{declared.canonical_hash} {own!r}"
        return super()._mark(choices, declared, seen)

    @cached_property
    def _identifying(self) -> frozenset[str]:
        """The names whose choice is part of an architecture's identity; warns of them once."""
        by_graph = self._given_identity == "graph"
        if text := self.distinction.warning(by_graph=by_graph):
            warnings.warn(f"in {self._builder.name} {text}", stacklevel=2)
        return frozenset() if by_graph else self.distinction.names


def _require(choices: Choices, name: str) -> Choice:
    if name not in choices:
        raise InvalidSpace(f"the choice {name!r} is missing in {dict(choices)}; add it")
    return choices[name]


def _suggest(trial: BaseTrial, name: str, numbers: BaseDistribution) -> float:
    """Ask a trial for a number."""
    assert isinstance(numbers, Numbers)
    ask: Any = trial.suggest_int if isinstance(numbers, IntDistribution) else trial.suggest_float
    return float(ask(name, numbers.low, numbers.high, step=numbers.step, log=numbers.log))


def _import_family(module: str, name: str) -> Family:
    found = getattr(import_module(module), name)
    assert isinstance(found, Family)  # it was one when it was pickled
    return found
