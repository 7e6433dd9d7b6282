"""A space: which architectures are possible."""

from __future__ import annotations

import dataclasses
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import InvalidSpace, MissingBuilder, unknown
from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.reduction import Reduction, suspected
from bonas.texts import objection, shown

_DRAWS = 10_000  # tries for one valid random combination
_LOOKED_AT = 64  # drawings in which labels are looked for
_KEPT = 400_000  # nodes of all architectures that are kept at most: some 200 MB
_REFERENCE_SEED = 20201  # any fixed number: the same space must be encoded the same everywhere


class Space(ABC):
    """The set of architectures that a search may propose; subclass it to describe your own.

    A subclass gives ``parameters`` (a name -> its choices, at least two each) and ``graph``;
    ``build`` is needed for bonas to train or time a network; ``is_valid`` may forbid combinations;
    ``costs`` may tell what is known without training (parameters, multiply-adds).

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

    @abstractmethod
    def graph(self, choices: Choices) -> ArchitectureGraph:
        """The labelled graph that ``choices`` stand for, its ends labelled input and output.

        Nodes on no path between the ends, and those declared ``absent`` or ``identities``, may be
        drawn: an architecture has the graph without them.
        """

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
        return self.is_valid(choices) and self._connects(choices)

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
        """Numbers that may be proposed beside ``choices``: these, or the nearest lower ones.

        None where there are none. Those that are ``fixed`` do not move; a ``share`` below 1 asks
        for lower ones still, where ``numbers`` themselves may not be proposed.
        """
        return dict(numbers)

    def costs(self, choices: Choices) -> dict[str, float]:
        """What is known of a network without building it: a name -> a non-negative number."""
        return {}

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
        parameters = getattr(self, "parameters", None)
        if not isinstance(parameters, Mapping) or not parameters:
            raise InvalidSpace(
                f"{type(self).__name__}.parameters must map at least one name to its choices, "
                f"got {parameters!r}"
            )
        return {name: _distribution(name, choices) for name, choices in parameters.items()}

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
            if self._latest.nodes >= _KEPT:
                self._latest.clear()
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
            trial._suggest(name, numbers)  # type: ignore[attr-defined]  # study.ask does the same
        return {
            name: trial.suggest_categorical(name, d.choices)
            for name, d in self.distributions.items()
        }

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
            if self.is_valid(choices):
                yield choices

    @cached_property
    def members(self) -> tuple[Architecture, ...] | None:
        """Every architecture once (the first of equal ones), or None for over ``enumerable``."""
        if self.size > self.enumerable:
            return None
        made = (self._made(choices) for choices in self)
        return tuple(dict.fromkeys(a for a in made if self._is_connected(a)))

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
    def _latest(self) -> _Kept:
        return _Kept()

    def _made(self, choices: Choices) -> Architecture:
        graph: object = self.graph(choices)
        if not isinstance(graph, ArchitectureGraph):
            raise InvalidSpace(
                f"{type(self).__name__}.graph must return a bonas.ArchitectureGraph, got {graph!r}"
            )
        graph.require_ends()
        return Architecture(choices, self._seen(graph), self._mark(choices, graph))

    def _connects(self, choices: Choices) -> bool:
        return self.allow_disconnected or self._is_connected(self.architecture(choices))

    def _is_connected(self, architecture: Architecture) -> bool:
        """Whether anything flows; what leads nowhere is pruned."""
        return self.allow_disconnected or bool(architecture.graph.edges)

    def _seen(self, drawn: ArchitectureGraph) -> ArchitectureGraph:
        """The graph that surrogates read."""
        return self._suspected.of(self._declared.of(drawn))

    def _mark(self, choices: Choices, drawn: ArchitectureGraph) -> str:
        """What tells an architecture from others where its graph does not.

        Labels that only look absent tell networks apart: nobody said that they do nothing.
        """
        if self.identity == "choices":
            return repr(tuple(choices.items()))
        if self.identity != "graph":
            raise unknown("identity", self.identity, ("graph", "choices"))
        declared = self._declared.of(drawn)
        return "" if self._suspected.of(declared) is declared else declared.canonical_hash

    @cached_property
    def _declared(self) -> Reduction:
        return Reduction(
            _labels("absent", self.absent or ()), _labels("identities", self.identities or ())
        )

    @cached_property
    def _suspected(self) -> Reduction:
        """Labels that look as if they did nothing, and were not declared; told once."""
        if self.absent is not None or self.identities is not None:
            return Reduction()
        rng = np.random.default_rng(_REFERENCE_SEED)
        draws = (self.completed({}, rng) for _ in range(_LOOKED_AT))
        found = suspected([self.graph(choices) for choices in draws if self.is_valid(choices)])
        if found.absent or found.identities:
            parts = {"absent": found.absent, "identities": found.identities}
            told = [f"{name} = {{{str(sorted(x))[1:-1]}}}" for name, x in parts.items() if x]
            warnings.warn(
                f"{type(self).__name__}.graph draws operations that by their names do nothing; "
                f"surrogates see its graphs without them. Declare {' and '.join(told)} in the "
                "class, and equal networks are one; or absent = set(), if they do something",
                stacklevel=2,
            )
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


class _Kept(dict[tuple[tuple[str, Choice], ...], Architecture]):
    """Choices, in the order of the parameters -> the architecture; and the nodes of all."""

    nodes = 0

    def keep(self, values: tuple[tuple[str, Choice], ...], architecture: Architecture) -> None:
        """Add one."""
        self[values] = architecture
        self.nodes += len(architecture.graph)

    def clear(self) -> None:
        super().clear()
        self.nodes = 0


def _drawn(choices: Sequence[Choice], rng: np.random.Generator | None) -> Choice:
    return choices[0 if rng is None else int(rng.integers(len(choices)))]


def _distribution(name: str, choices: Sequence[Choice]) -> CategoricalDistribution:
    if not isinstance(name, str):
        raise InvalidSpace(f"expected the names of parameters as strings, got {name!r}")
    if why := objection(name):
        raise InvalidSpace(f"a parameter cannot be named {shown(name)}: {why}")
    if isinstance(choices, str) or not isinstance(choices, Sequence):
        raise InvalidSpace(f"parameter {name!r} needs a sequence of choices, got {choices!r}")
    if len(choices) < 2:
        raise InvalidSpace(
            f"parameter {name!r} has {len(choices)} choice(s), expected at least 2; "
            "write a constant into graph() and build() instead"
        )
    for value in choices:
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise InvalidSpace(
                f"parameter {name!r} has the choice {value!r}; expected None, a bool, a number or "
                "a string: name the choice, and look the object up in graph() and build()"
            )
    if len(set(choices)) < len(choices):
        raise InvalidSpace(f"parameter {name!r} repeats a choice: {list(choices)}")
    return CategoricalDistribution(tuple(choices))


def _labels(name: str, given: object) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Collection):
        raise InvalidSpace(f"{name} must be a set of labels, got {given!r}; put it in {{}}")
    return frozenset(given)


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
