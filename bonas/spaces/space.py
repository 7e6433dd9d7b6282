"""A space: which architectures are possible."""

from __future__ import annotations

import dataclasses
import math
import warnings
from abc import ABC
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import InvalidSpace, MissingBuilder, unknown
from bonas.optuna_internals import suggest
from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.cache import ArchitectureCache
from bonas.spaces.distributions import distributions
from bonas.spaces.example import Example
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.reduction import Reading, Reduction

_DRAWS = 10_000  # tries for one valid random combination
_OF_TRACED = {"enumerable": 512, "reference_size": 300, "pool_size": 192}
_LOOKED_AT = 64  # drawings in which labels are looked for
_REFERENCE_SEED = 20201  # any fixed number: the same space must be encoded the same everywhere


class Space(ABC):
    """The set of architectures that a search may propose; subclass it to describe your own.

    A subclass gives ``parameters`` (a name -> its choices, at least two each) and ``graph``, or
    ``build`` and an example ``input``, from which graph and costs are then drawn. ``build`` is
    needed for bonas to train or time a network; ``is_valid`` may forbid combinations; ``costs`` may
    tell what is known without training (parameters, multiply-adds).

    >>> class Widths(Space):
    ...     parameters = {"width": [8, 16, 32], "activation": ["relu", "gelu"]}
    ...     def graph(self, choices):
    ...         hidden = f"linear{choices['width']}"
    ...         return ArchitectureGraph(
    ...             ["input", hidden, choices["activation"], "output"], [(0, 1), (1, 2), (2, 3)]
    ...         )
    >>> Widths().size
    6
    """

    parameters: Mapping[str, Sequence[Choice]]

    numeric: Mapping[str, BaseDistribution] = {}  # replaced, never changed
    """Parameters that ``build`` wants beside the choices and no graph shows (a dropout rate)."""

    enumerable: int = 50_000
    """The largest number of combinations that is held in memory as a whole."""

    reference_size: int = 2_000
    """How many architectures encoders learn their vocabulary and their scales from."""

    pool_size: int = 768
    """How many candidates an ask looks at, where not all can be listed, before it improves them."""

    identity: Identity = "graph"
    """What makes two combinations one architecture: ``"graph"``, an isomorphic graph (the same
    network is never trained twice), or ``"choices"``, nothing but equal choices (for measurements
    that differ between isomorphic graphs, such as the records of a table)."""

    absent: Collection[str] | None = None
    """Labels of operations that bring nothing, such as ``{"none"}``: nodes that are not there.
    Where neither these nor ``identities`` are declared, they are looked for by their names."""

    identities: Collection[str] | None = None
    """Labels of operations that pass on what they get, such as ``{"skip_connect"}``."""

    allow_disconnected: bool = False
    """Whether a network may be proposed whose graph leads nothing from its input to its output; it
    says the same of every input."""

    input: Any = None
    """An example of what a network takes, as ``bonas.space`` takes it: ``build``'s networks are run
    on it where there is no ``graph``, and timed. By default zeros of an ``input_shape``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.graph is Space.graph:
            for name, value in _OF_TRACED.items():
                if getattr(cls, name) == getattr(Space, name):
                    setattr(cls, name, value)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """The labelled graph that ``choices`` stand for, its ends labelled input and output.

        Nodes on no path between the ends, and those declared ``absent`` or ``identities``, may be
        drawn: an architecture has the graph without them. By default it is what the network of
        ``build`` does with the example ``input``.

        Raises:
            InvalidSpace: if there is neither a ``graph`` nor what it could be drawn from.
        """
        return self._traced.graph(choices)

    def build(self, choices: Choices) -> nn.Module:
        """An untrained network; it takes a batch of inputs and returns a batch of outputs."""
        raise MissingBuilder(
            f"{type(self).__name__} has no build(choices), so its networks can be neither trained "
            "nor timed; add build, or give optimize an evaluate function that needs no network"
        )

    def build_for(self, choices: Choices, trial: BaseTrial | None) -> nn.Module:
        """As ``build``, for a trial in which a space may note something; here it does not."""
        return self.build(choices)

    def is_valid(self, choices: Choices) -> bool:
        """Whether ``choices`` may be proposed; everything may, unless a subclass says otherwise."""
        return True

    def allows(self, choices: Choices) -> bool:
        """Whether ``choices`` are proposed: they are valid, and lead the input to the output."""
        return self._is_possible(choices) and (
            self.allow_disconnected or self._is_connected(self.architecture(choices))
        )

    @property
    def bounds_numbers(self) -> bool:
        """Whether some values of ``numeric`` may not be proposed beside some choices."""
        return False

    def fitting(
        self,
        choices: Choices,
        numbers: Mapping[str, Any],
        fixed: Collection[str] = (),
        share: float = 1.0,
    ) -> dict[str, Any] | None:
        """Numbers that may be proposed beside ``choices``: these or lower ones; None if none."""
        return dict(numbers)

    def costs(self, choices: Choices) -> dict[str, float]:
        """What is known of a network without training it: a name -> a non-negative number.

        By default what is counted in a run, where the graph is drawn from one; else nothing.
        """
        return self._traced.costs(choices) if self._is_traced else {}

    @property
    def example(self) -> Example | None:
        """The example ``input``; None where none is given."""
        return None if self.input is None else Example.of(self.input)

    def describe(self) -> dict[str, Any]:
        """What makes two spaces the same, as JSON values; a stored study is checked against it."""
        settings: dict[str, Any] = {}
        if dataclasses.is_dataclass(self):
            settings = dataclasses.asdict(self)
        if self.identity == "graph":
            settings.pop("identity", None)  # spaces were stored before there was another one
        else:
            settings["identity"] = self.identity
        return {
            "space": type(self).__qualname__,
            "parameters": {name: list(d.choices) for name, d in self.distributions.items()},
            **{name: value for name, value in settings.items() if _is_plain(value)},
        }

    @cached_property
    def distributions(self) -> dict[str, CategoricalDistribution]:
        """The parameters as Optuna distributions, for ``study.ask(space.distributions)``.

        Raises:
            InvalidSpace: if there is no parameter, or one has fewer than two distinct choices.
        """
        return distributions(type(self).__name__, getattr(self, "parameters", None))

    @property
    def size(self) -> int:
        """The number of combinations of choices, valid or not."""
        return math.prod(len(d.choices) for d in self.distributions.values())

    def architecture(self, choices: Choices) -> Architecture:
        """The architecture that ``choices`` stand for; the latest ones are kept, not made again.

        Raises:
            InvalidSpace: if a parameter is missing, unknown, or has a value that is no choice, or
                if ``graph`` returns something else.
            InvalidGraph: if the graph has no node labelled input, or none labelled output.
        """
        self._check(choices)
        ordered = {  # the space's own value where an equal one was given, 8 for 8.0
            name: d.choices[d.choices.index(choices[name])]
            for name, d in self.distributions.items()
            if name in choices
        }
        values = tuple(ordered.items())
        if values not in self._latest:
            self._latest.keep(values, self._made(ordered))
        return self._latest[values]

    def completed(self, some: Choices, rng: np.random.Generator | None = None) -> Choices:
        """A whole combination out of a part of one, valid or not.

        What is missing is drawn, or is the first choice without ``rng``; what does not belong is
        dropped. In a conditional space the names that belong depend on the choices.
        """
        return {
            name: some[name] if name in some else _drawn(d.choices, rng)
            for name, d in self.distributions.items()
        }

    def suggest(self, trial: BaseTrial) -> Choices:
        """The combination that an Optuna trial stands for, asked from it name by name."""
        for name, numbers in self.numeric.items():
            suggest(trial, name, numbers)
        return self.chosen_by(trial.suggest_categorical)

    def chosen_by(self, choose: Callable[[str, Sequence[Choice]], Choice]) -> dict[str, Choice]:
        """The combination that ``choose(name, options)`` picks, asked name by name."""
        return {name: choose(name, d.choices) for name, d in self.distributions.items()}

    def sample(self, rng: np.random.Generator) -> Choices:
        """One uniformly random valid combination.

        Raises:
            InvalidSpace: if none of 10,000 draws is valid.
        """
        for _ in range(_DRAWS):
            choices = self.completed({}, rng)
            if self.allows(choices):
                return choices
        raise InvalidSpace(
            f"none of {_DRAWS:,} random draws of {type(self).__name__} is valid; "
            "loosen is_valid or fold the rule into the parameters"
        )

    def neighbours(
        self, choices: Choices, rng: np.random.Generator | None = None
    ) -> Iterator[Choices]:
        """Every valid combination with one parameter changed, and what depends on it completed.

        In random order with ``rng``; each is made when it is asked for.
        """
        steps = [
            {name: value}
            for name, own in choices.items()
            for value in self.distributions[name].choices
            if value != own
        ]
        for i in range(len(steps)) if rng is None else rng.permutation(len(steps)):
            changed = self.completed({**choices, **steps[i]})
            if self.allows(changed):
                yield changed

    def __iter__(self) -> Iterator[Choices]:
        """Every valid combination, the last parameter changing fastest."""
        distributions = self.distributions
        for values in product(*(d.choices for d in distributions.values())):
            choices = dict(zip(distributions, values, strict=True))
            if self._is_possible(choices):
                yield choices

    @cached_property
    def members(self) -> tuple[Architecture, ...] | None:
        """Every architecture once (the first of equal ones), or None for over ``enumerable``."""
        if self.size > self.enumerable:
            return None
        made = (self._made(choices) for choices in self)
        return tuple(dict.fromkeys(a for a in made if self._is_connected(a)))

    def representative(self, architecture: Architecture) -> Architecture:
        """The architecture that surrogates see in the place of one: mostly itself.

        Of several that seem to be one network, since they differ in labels that by their names do
        nothing, it is the first; where they cannot all be listed, each stands for itself.
        """
        if not self._first_of:
            return architecture
        return self._first_of.get(architecture.graph.canonical_hash, architecture)

    @cached_property
    def _first_of(self) -> dict[str, Architecture]:
        """The hash of a graph -> the first of several members that have it."""
        if self.identity != "graph" or not self._graph_reading.advice():
            return {}
        found: dict[str, Architecture] = {}
        for member in self.members or ():
            found.setdefault(member.graph.canonical_hash, member)
        return found

    @cached_property
    def reference(self) -> tuple[Architecture, ...]:
        """At most ``reference_size`` architectures, no two equal, always the same ones.

        Encoders take their vocabulary and their scales from it.
        """
        rng = np.random.default_rng(_REFERENCE_SEED)
        if self.members is not None:
            n = min(self.reference_size, len(self.members))
            return tuple(self.members[i] for i in sorted(rng.permutation(len(self.members))[:n]))
        found: dict[Architecture, None] = {}
        for _ in range(2 * self.reference_size):
            found[self.architecture(self.sample(rng))] = None
            if len(found) == self.reference_size:
                break
        return tuple(found)

    @cached_property
    def _latest(self) -> ArchitectureCache:
        return ArchitectureCache()

    def _made(self, choices: Choices) -> Architecture:
        graph: object = self.graph(choices)
        if not isinstance(graph, ArchitectureGraph):
            raise InvalidSpace(
                f"{type(self).__name__}.graph must return a bonas.ArchitectureGraph, got {graph!r}"
            )
        graph.require_ends()
        declared = self._graph_reading.declared.of(graph)
        seen = self._graph_reading.seen(declared)
        return Architecture(choices, seen, self._mark(choices, declared, seen))

    def _is_possible(self, choices: Choices) -> bool:
        """Whether ``choices`` are valid; where that has to be tried, whether they build and run."""
        return self.is_valid(choices) and (not self._is_traced or self._traced.is_valid(choices))

    @property
    def _is_traced(self) -> bool:
        return type(self).graph is Space.graph

    @cached_property
    def _traced(self) -> Space:
        """The same networks as a family, whose graphs and costs are those of a run."""
        # a family is a space: its module needs this one
        from bonas.spaces.families import Family

        shape = getattr(self, "input_shape", None)
        given = self.input if shape is None or self.input is not None else torch.zeros(1, *shape)
        if type(self).build is Space.build or given is None:
            raise InvalidSpace(
                f"{type(self).__name__} has no graph(choices), and none can be drawn: that takes "
                "build(choices) and an example of what a network takes, input = torch.zeros(...)"
            )

        def build(choose: Callable[[str, Sequence[Choice]], Choice]) -> nn.Module:
            return self.build(self.chosen_by(choose))

        build.__name__ = type(self).__name__
        return Family(build, Example.of(given), {})

    def _is_connected(self, architecture: Architecture) -> bool:
        return self.allow_disconnected or bool(architecture.graph.edges)

    def _mark(self, choices: Choices, declared: ArchitectureGraph, seen: ArchitectureGraph) -> str:
        """What tells an architecture from others where the graph that is seen does not."""
        if self.identity == "choices":
            return repr(tuple(choices.items()))
        if self.identity != "graph":
            raise unknown("identity", self.identity, ("graph", "choices"))
        if self._is_traced:
            return self._traced._mark(choices, declared, seen)
        return "" if seen is declared else declared.canonical_hash

    @cached_property
    def _graph_reading(self) -> Reading:
        """How drawn graphs are read; what looks as if it did nothing is told once."""
        if self._is_traced:
            return Reading(Reduction(), Reduction())  # labels are functions that ran
        rng = np.random.default_rng(_REFERENCE_SEED)
        draws = (self.completed({}, rng) for _ in range(_LOOKED_AT))
        graphs = (self.graph(choices) for choices in draws if self.is_valid(choices))
        found = Reading.of(self.absent, self.identities, graphs)
        if told := found.advice():
            warnings.warn(f"{type(self).__name__}.graph draws {told}", stacklevel=2)
        return found

    def _check(self, choices: Choices) -> None:
        for name in choices.keys() & self.distributions.keys():
            options = self.distributions[name].choices
            if choices[name] not in options:
                raise InvalidSpace(
                    f"parameter {name!r} must be one of {list(options)}, got {choices[name]!r}"
                )
        whole = self.completed(choices)
        if choices.keys() != whole.keys():
            raise InvalidSpace(
                f"choices must name every parameter of {type(self).__name__} and no other; "
                f"missing {sorted(whole.keys() - choices.keys())}, "
                f"unknown {sorted(choices.keys() - whole.keys())}"
            )


def _drawn(choices: Sequence[Choice], rng: np.random.Generator | None) -> Choice:
    return choices[0 if rng is None else int(rng.integers(len(choices)))]


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
