"""Spaces whose networks are sketched, so that size bounds hold before anything is built.

Under a tight bound few combinations are valid. A draw that breaks a bound is therefore not thrown
away: a random walk replaces random choices by cheaper ones, and goes only as far as the bounds ask.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from bonas.arguments import check_positive
from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.sketch import Sketch

_DRAWS = 8  # before the first walk, so that samples stay uniform where the bounds are loose
_WALKS = 20
_JUDGED = 1_000  # draws that the error tells of
_EXAMPLE_SEED = 7  # any fixed number
_SKETCHES = 64  # kept at most
_SIZES = 50_000  # kept at most

_BOUNDS = ("max_params", "max_flops", "max_memory")

Sizes = Mapping[str, float]


@dataclass(frozen=True)
class SizedSpace(ConditionalSpace):
    """A space whose subclasses sketch their networks; subclass it as a frozen dataclass.

    A subclass gives ``parameters``, ``sketch`` and ``build``; ``applies`` where parameters depend
    on earlier ones. With a ``__post_init__`` of its own it calls this one.

    Args:
        max_params: The most trainable parameters of a valid network; None sets no bound.
        max_flops: The most floating point operations for one example, two a multiply-add.
        max_memory: The most bytes of parameters and of all outputs of one example, in float32.

    Raises:
        InvalidArgument: for a bound that is not a positive number.
    """

    _: KW_ONLY
    max_params: float | None = None
    max_flops: float | None = None
    max_memory: float | None = None

    enumerable = 2_000  # each combination is sketched
    reference_size = 500
    pool_size = 192
    walks = _WALKS
    """How many rejected draws are shrunk before the bounds count as too tight."""

    def __post_init__(self) -> None:
        for name in _BOUNDS:
            value = getattr(self, name)
            if value is not None:
                check_positive(name, value, finite=False, advice="None sets no bound")

    @abstractmethod
    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """The network drawn, and the number of the operation that is its output.

        It must be possible for every whole combination, valid or not.
        """

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """The operations of the network, with their sizes as features."""
        sketch, output = self._sketch(choices)
        self._sizes(choices)  # encoders ask for the costs of what they see, when the sketch is gone
        return sketch.graph(output)

    def costs(self, choices: Choices) -> dict[str, float]:
        """Trainable ``parameters``, and ``multiply_adds`` for one example, of the network."""
        sizes = self._sizes(choices)
        return {name: sizes[name] for name in ("parameters", "multiply_adds")}

    def memory(self, choices: Choices) -> float:
        """Bytes of all parameters and of all outputs of one example, in float32."""
        return self._sizes(choices)["memory"]

    def is_valid(self, choices: Choices) -> bool:
        """Whether the network is within the bounds; nothing is built to know it."""
        return self._fits(choices)

    def sample(self, rng: np.random.Generator) -> Choices:
        """A random valid combination; draws that break a bound are shrunk until they keep it.

        Raises:
            InvalidSpace: if even the smallest networks that are found break a bound.
        """
        if not self._bounds:
            return super().sample(rng)
        for draw in range(_DRAWS + self.walks):
            choices = self.completed({}, rng)
            if draw >= _DRAWS:
                choices = self._shrunk(choices, rng)
            if self.is_valid(choices):
                return choices
        raise self._nothing_fits(rng)

    @cached_property
    def _bounds(self) -> dict[str, float]:
        given = {name: getattr(self, name) for name in _BOUNDS}
        return {name: float(value) for name, value in given.items() if value is not None}

    def _fits(self, choices: Choices) -> bool:
        return not self._bounds or all(ratio <= 1 for ratio in self._ratios(choices).values())

    def _sizes(self, choices: Choices) -> Sizes:
        """``parameters``, ``multiply_adds`` and ``memory``; kept longer than the sketches."""
        key = self._key(choices)
        if key not in self._known_sizes:
            if len(self._known_sizes) >= _SIZES:
                self._known_sizes.clear()
            sketch, _ = self._sketch(choices)
            self._known_sizes[key] = {**sketch.costs, "memory": sketch.memory}
        return self._known_sizes[key]

    def _bounded(self, choices: Choices) -> Sizes:
        """A bound's name -> the size that it bounds."""
        sizes = self._sizes(choices)
        bounded = sizes["parameters"], 2 * sizes["multiply_adds"], sizes["memory"]
        return dict(zip(_BOUNDS, bounded, strict=True))

    def _ratios(self, choices: Choices) -> Sizes:
        """A bound's name -> the network's size as a share of the bound."""
        sizes = self._bounded(choices)
        return {name: sizes[name] / bound for name, bound in self._bounds.items()}

    def _shrunk(self, choices: Choices, rng: np.random.Generator) -> Choices:
        """Random choices replaced by cheaper ones, as few as the bounds ask for or else all."""
        while not self._fits(choices):
            cheaper = {name: self._cheaper(name, choices) for name in choices}
            names = [name for name in rng.permutation(list(choices)) if cheaper[name]]
            if not names:
                return choices
            steps = {name: cheaper[name][int(rng.integers(len(cheaper[name])))] for name in names}
            choices = self._walked(choices, list(steps.items()))
        return choices

    def _walked(self, choices: Choices, steps: Sequence[tuple[str, Choice]]) -> Choices:
        """After as few of ``steps`` as make it fit (by bisection), or after all of them."""
        few, enough = 0, len(steps)
        while enough - few > 1:
            middle = (few + enough) // 2
            if self._fits(self.completed({**choices, **dict(steps[:middle])})):
                enough = middle
            else:
                few = middle
        return self.completed({**choices, **dict(steps[:enough])})

    def _cheaper(self, name: str, choices: Choices) -> list[Choice]:
        """The options of a parameter that cost less than its own."""
        if name not in self._loads:
            example = self._example(name)
            self._loads[name] = {
                option: sum(self._ratios(self.completed({**example, name: option})).values())
                for option in self.distributions[name].choices
            }
        loads = self._loads[name]
        return [option for option, load in loads.items() if load < loads[choices[name]]]

    def _example(self, name: str) -> Choices:
        """A combination that has the parameter, always the same one: a seed decides a search."""
        rng = np.random.default_rng(_EXAMPLE_SEED)
        while name not in (choices := self.completed({}, rng)):
            pass
        return choices

    def _nothing_fits(self, rng: np.random.Generator) -> InvalidSpace:
        draws = [self._bounded(self.completed({}, rng)) for _ in range(_JUDGED)]
        least = [self._bounded(self._shrunk(self.completed({}, rng), rng)) for _ in range(_WALKS)]
        told = [
            f"{name}={bound:,.0f} rejects {sum(d[name] > bound for d in draws):,} "
            f"(the smallest network found has {min(d[name] for d in [*draws, *least]):,.0f})"
            for name, bound in self._bounds.items()
        ]
        return InvalidSpace(
            f"no network of {type(self).__name__} was found that is valid; of {_JUDGED:,} random "
            f"draws {' and '.join(told)}; raise the bound, or give the parameters smaller choices"
        )

    def _sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """The sketch, out of the latest ones where it is there."""
        key = self._key(choices)
        if key not in self._sketches:
            if len(self._sketches) >= _SKETCHES:
                self._sketches.pop(next(iter(self._sketches)))
            self._sketches[key] = self.sketch(choices)
        return self._sketches[key]

    def _key(self, choices: Choices) -> tuple[Choice, ...]:
        return tuple(choices.get(name) for name in self.distributions)

    @cached_property
    def _sketches(self) -> dict[tuple[Choice, ...], tuple[Sketch, int]]:
        return {}

    @cached_property
    def _known_sizes(self) -> dict[tuple[Choice, ...], Sizes]:
        return {}

    @cached_property
    def _loads(self) -> dict[str, dict[Choice, float]]:
        """A parameter's option -> the network's sizes as shares of the bounds, added up."""
        return {}
