"""Spaces: which architectures are possible."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import InvalidSpace, MissingBuilder, unknown
from bonas.spaces.architecture import Architecture, Choice, Choices, Identity
from bonas.spaces.cache import ArchitectureCache
from bonas.spaces.combinations import Combinations
from bonas.spaces.example import Example
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.reduction import Reading, Reduction
from bonas.spaces.sketch import sizes_of

if TYPE_CHECKING:
    from bonas.drawings import Drawing, Layout

_DRAWS = 10_000  # tries for one valid random combination
_OF_TRACED = {"enumerable": 512, "reference_size": 300, "slow_to_draw": True}
_INSPECTED = 64  # graphs in which suspicious labels are looked for
_REFERENCE_SEED = 20201  # any fixed number: the same space must be encoded the same everywhere


class Space(Combinations):
    """The set of architectures that a search may propose; subclass it to describe your own.

    A subclass gives ``parameters`` (a name -> its choices, at least two each) and ``graph``, or
    ``build`` and an example ``input``, from which graph and costs are then drawn. ``build`` is
    needed for bonas to train or time a network; ``is_valid`` may forbid combinations; ``costs`` may
    return what is known without training (parameters, multiply-adds).

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

    enumerable: int = 50_000
    """The largest number of combinations that is held in memory as a whole."""

    reference_size: int = 2_000
    """The number of architectures from which encoders take their vocabulary and their scales."""

    slow_to_draw: bool = False
    """Whether the graph of an architecture takes a millisecond or more, as a sketch or a run of the
    network does; a proposal then considers fewer candidates."""

    identity: Identity = "graph"
    """What makes two combinations one architecture: ``"graph"``, an isomorphic graph (the same
    network is never trained twice), or ``"choices"``, nothing but equal choices (for measurements
    that differ between isomorphic graphs, such as the records of a table)."""

    bounds: Collection[str] = ()
    """Names of settings that forbid architectures and change none, such as ``max_params``: a value
    that was measured under other bounds stays comparable."""

    absent: Collection[str] | None = None
    """Labels of operations that contribute nothing, such as ``{"none"}``: nodes that are left out.
    If neither these nor ``identities`` are declared, they are guessed from the labels."""

    identities: Collection[str] | None = None
    """Labels of operations that return their input, such as ``{"skip_connect"}``."""

    allow_disconnected: bool = False
    """Whether a network may be proposed whose graph has no path from its input to its output; its
    output is the same for every input."""

    input: Any = None
    """An example of what a network takes, as ``bonas.space`` takes it: without a ``graph``,
    ``build``'s networks are run on it; latency is measured on it. By default zeros of an
    ``input_shape``."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.graph is Space.graph:
            for name, value in _OF_TRACED.items():
                if name not in vars(cls) and getattr(cls, name) == getattr(Space, name):
                    setattr(cls, name, value)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the labelled graph of ``choices``, its ends labelled input and output.

        Nodes on no path between the ends, and those declared ``absent`` or ``identities``, may be
        drawn: an architecture has the graph without them. By default the graph is traced: it is
        what the network of ``build`` computes on the example ``input``.

        Raises:
            InvalidSpace: if there is neither a ``graph`` nor what it could be traced from.
        """
        return self._traced.graph(choices)

    def outline(self, choices: Choices) -> Outline:
        """Return what a drawing shows: the graph, and sizes, shapes and blocks where known.

        By default the graph of ``graph``, or the whole network where that is traced.
        """
        if self._is_traced:
            return self._traced.outline(choices)
        graph = self.graph(choices)
        return dataclasses.replace(
            Outline.of_graph(graph), sizes=sizes_of(graph) or ({},) * len(graph)
        )

    def draw(
        self,
        choices: Choices,
        path: str | os.PathLike[str] | None = None,
        *,
        compared_with: Choices | None = None,
        layout: Layout = "auto",
        title: str = "network",
    ) -> Drawing:
        """Draw the network of ``choices``, with sizes, repetitions folded and blocks in frames.

        Args:
            choices: A combination.
            path: Where to write the drawing, a name that ends in ``.svg``; None writes nothing.
            compared_with: Other choices; what their network does not have is marked, and what it
                has besides is listed below the drawing.
            layout: See ``bonas.drawings.draw``.
            title: What a screen reader says.

        Raises:
            InvalidSpace: if the choices are no combination of the space.
            InvalidArgument: for another ending, or an unknown layout.
            MissingPackage: for ``layout="dot"`` without Graphviz.
        """
        from bonas.drawings import draw  # drawings are above spaces

        other = None if compared_with is None else self.outline(self.checked(compared_with))
        outline = self.outline(self.checked(choices))
        return draw(outline, path, compared_with=other, layout=layout, title=title)

    def build(self, choices: Choices) -> nn.Module:
        """Build an untrained network that maps a batch of inputs to a batch of outputs."""
        raise MissingBuilder(
            f"{type(self).__name__} has no build(choices), so its networks can be neither trained "
            "nor timed; add build, or give optimize an evaluate function that needs no network"
        )

    def build_for(self, choices: Choices, trial: BaseTrial | None) -> nn.Module:
        """Build as ``build`` does, for a trial in which a space may note something; here none."""
        return self.build(choices)

    def is_valid(self, choices: Choices) -> bool:
        """Return whether ``choices`` may be proposed; by default all may."""
        return True

    def allows(self, choices: Choices) -> bool:
        """Return whether ``choices`` are proposed: valid, and with a path from input to output."""
        return self._is_possible(choices) and (
            self.allow_disconnected or self._is_connected(self.architecture(choices))
        )

    @property
    def bounds_numbers(self) -> bool:
        """Whether some values of ``numeric`` are forbidden for some choices."""
        return False

    def fitting(
        self,
        choices: Choices,
        numbers: Mapping[str, Any],
        fixed: Collection[str] = (),
        share: float = 1.0,
    ) -> dict[str, Any] | None:
        """Return numbers allowed for ``choices``: the given or lower ones; None if there are none.

        Args:
            choices: A combination.
            numbers: Values of ``numeric`` by name.
            fixed: Names whose numbers may not be lowered.
            share: Below 1, ask for lower numbers than the nearest allowed ones.
        """
        return dict(numbers)

    def costs(self, choices: Choices) -> dict[str, float]:
        """Return what is known of a network without training it: a name -> a number, at least 0.

        By default what is counted in a traced run; nothing if ``graph`` is given.
        """
        return self._traced.costs(choices) if self._is_traced else {}

    @property
    def example(self) -> Example | None:
        """The example ``input``; None where none is given."""
        return None if self.input is None else Example.of(self.input)

    def describe(self) -> dict[str, Any]:
        """Return what makes two spaces the same, as JSON values; stored studies are checked by it.

        It has the class's name, the parameters, and the fields of a dataclass that JSON can hold.
        """
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

    def architecture(self, choices: Choices) -> Architecture:
        """Return the architecture of ``choices``, from a cache of the latest ones if it is there.

        Raises:
            InvalidSpace: if a parameter is missing, unknown, or has a value that is no choice, or
                if ``graph`` returns something else.
            InvalidGraph: if the graph has no node labelled input, or none labelled output.
        """
        ordered = self.checked(choices)
        values = tuple(ordered.items())
        if values not in self._latest:
            self._latest.keep(values, self._drawn(ordered))
        return self._latest[values]

    def sample(self, rng: np.random.Generator) -> Choices:
        """Draw one valid combination uniformly.

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
        """Yield every valid combination with one parameter changed, completed where that is needed.

        They come in random order with ``rng``, and lazily.
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
        """Yield every valid combination, the last parameter changing fastest."""
        return filter(self._is_possible, self.combinations())

    @cached_property
    def members(self) -> tuple[Architecture, ...] | None:
        """Every architecture once (the first of equal ones), or None for over ``enumerable``."""
        if self.size > self.enumerable:
            return None
        drawn = (self._drawn(choices) for choices in self)
        return tuple(dict.fromkeys(a for a in drawn if self._is_connected(a)))

    def representative(self, architecture: Architecture) -> Architecture:
        """Return the architecture that surrogates see in place of one: mostly itself.

        Of several that seem to be one network, since they differ in labels whose names suggest that
        they do nothing, it is the first; if they cannot all be listed, each represents itself.
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

    def _drawn(self, choices: Choices) -> Architecture:
        """Return the architecture of checked choices, drawn anew."""
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
        """Return whether ``choices`` are valid and, in a traced space, build and run."""
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
            """Build the network that ``choose`` picks."""
            return self.build(self.chosen_by(choose))

        build.__name__ = type(self).__name__
        return Family(build, Example.of(given), {})

    def _is_connected(self, architecture: Architecture) -> bool:
        """Return whether a path leads from input to output, or none has to."""
        return self.allow_disconnected or bool(architecture.graph.edges)

    def _mark(self, choices: Choices, declared: ArchitectureGraph, seen: ArchitectureGraph) -> str:
        """Return what identifies an architecture where the graph that surrogates see does not."""
        if self.identity == "choices":
            return repr(tuple(choices.items()))
        if self.identity != "graph":
            raise unknown("identity", self.identity, ("graph", "choices"))
        if self._is_traced:
            return self._traced._mark(choices, declared, seen)
        return "" if seen is declared else declared.canonical_hash

    @cached_property
    def _graph_reading(self) -> Reading:
        """How drawn graphs are read; suspicious labels are warned of once."""
        if self._is_traced:
            return Reading(Reduction(), Reduction())  # labels are functions that ran
        rng = np.random.default_rng(_REFERENCE_SEED)
        draws = (self.completed({}, rng) for _ in range(_INSPECTED))
        graphs = (self.graph(choices) for choices in draws if self.is_valid(choices))
        reading = Reading.of(self.absent, self.identities, graphs)
        if advice := reading.advice():
            warnings.warn(f"{type(self).__name__}.graph draws {advice}", stacklevel=2)
        return reading


def _is_plain(value: object) -> bool:
    """Return whether JSON can hold ``value``; sequences become lists."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))
