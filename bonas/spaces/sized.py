"""Spaces whose networks have known sizes, so that bounds hold before anything is built.

Under a tight bound few combinations are valid. A draw that breaks a bound is therefore not thrown
away: a random walk replaces random choices by cheaper ones, only as far as the bounds require.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np

from bonas.arguments import check_positive
from bonas.errors import InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.sketch import Sizes, Sketch

_DRAWS = 8  # before the first walk, so that samples stay uniform where the bounds are loose
_WALKS = 20
_JUDGED = 1_000  # draws that the error counts
_EXAMPLE_SEED = 7  # any fixed number
_SKETCHES = 64  # kept at most
_SIZES = 50_000  # kept at most

_BOUNDS = ("max_params", "max_flops", "max_memory")


@dataclass(frozen=True)
class SizedSpace(ConditionalSpace):
    """A space whose subclasses sketch their networks; subclass it as a frozen dataclass.

    A subclass gives ``parameters``, ``sketch`` and ``build``; ``applies`` where parameters depend
    on earlier ones. With a ``__post_init__`` of its own it calls this one. ``PlannedSpace`` derives
    sketch and network from one plan.

    Args:
        max_params: The most trainable parameters of a valid network; None sets no bound.
        max_flops: The most floating point operations for one example, two per multiply-add.
        max_memory: The most bytes of parameters and of all outputs of one example, in float32.

    Raises:
        InvalidArgument: for a bound that is not a positive number.
    """

    _: KW_ONLY
    max_params: float | None = None
    max_flops: float | None = None
    max_memory: float | None = None

    bounds = frozenset(_BOUNDS)
    enumerable = 2_000  # each combination is sketched
    reference_size = 500
    slow_to_draw = True
    walks = _WALKS
    """How many rejected draws are shrunk before the bounds count as too tight."""

    def __post_init__(self) -> None:
        for name in _BOUNDS:
            value = getattr(self, name)
            if value is not None:
                check_positive(name, value, finite=False, advice="None sets no bound")

    @abstractmethod
    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """Return the network as a sketch, and the number of the operation that is its output.

        It must be possible for every complete combination, valid or not.
        """

    def sizes(self, choices: Choices) -> Sizes:
        """Return ``parameters``, ``multiply_adds`` and ``memory``, for one example and in bytes.

        By default those of the sketch; override it where they are known without one.
        """
        return self._sketch(choices)[0].sizes

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the graph of the network's operations, with their sizes as features."""
        sketch, output = self._sketch(choices)
        self._sizes(choices)  # encoders ask for the costs of what they see, when the sketch is gone
        return sketch.graph(output)

    def outline(self, choices: Choices) -> Outline:
        """Return the whole network, with sizes, shapes and the blocks of its sketch."""
        sketch, output = self._sketch(choices)
        return sketch.outline(output)

    def costs(self, choices: Choices) -> dict[str, float]:
        """Return trainable ``parameters``, and ``multiply_adds`` for one example."""
        sizes = self._sizes(choices)
        return {name: sizes[name] for name in ("parameters", "multiply_adds")}

    def memory(self, choices: Choices) -> float:
        """Return the bytes of all parameters and of all outputs of one example, in float32."""
        return self._sizes(choices)["memory"]

    def is_valid(self, choices: Choices) -> bool:
        """Return whether the network is within the bounds, without building it."""
        return self._fits(choices)

    def sample(self, rng: np.random.Generator) -> Choices:
        """Draw a random valid combination; draws that break a bound are shrunk until they fit.

        Raises:
            InvalidSpace: if even the smallest networks that are found break a bound.
        """
        if not self._limits:
            return super().sample(rng)
        for draw in range(_DRAWS + self.walks):
            choices = self.completed({}, rng)
            if draw >= _DRAWS:
                choices = self._shrunk(choices, rng)
            if self.is_valid(choices):
                return choices
        raise self._nothing_fits(rng)

    @cached_property
    def _limits(self) -> dict[str, float]:
        """The name of each bound that is set -> its value."""
        given = {name: getattr(self, name) for name in _BOUNDS}
        return {name: float(value) for name, value in given.items() if value is not None}

    def _fits(self, choices: Choices) -> bool:
        """Return whether the network keeps all bounds that are set."""
        return not self._limits or all(ratio <= 1 for ratio in self._ratios(choices).values())

    def _sizes(self, choices: Choices) -> Sizes:
        """Return ``sizes``, from a cache that holds them longer than the sketches."""
        key = self._key(choices)
        if key not in self._known_sizes:
            if len(self._known_sizes) >= _SIZES:
                self._known_sizes.clear()
            self._known_sizes[key] = self.sizes(choices)
        return self._known_sizes[key]

    def _bounded(self, choices: Choices) -> Sizes:
        """Return a bound's name -> the size that it bounds."""
        sizes = self._sizes(choices)
        bounded = sizes["parameters"], 2 * sizes["multiply_adds"], sizes["memory"]
        return dict(zip(_BOUNDS, bounded, strict=True))

    def _ratios(self, choices: Choices) -> Sizes:
        """Return a bound's name -> the network's size as a share of the bound."""
        sizes = self._bounded(choices)
        return {name: sizes[name] / limit for name, limit in self._limits.items()}

    def _shrunk(self, choices: Choices, rng: np.random.Generator) -> Choices:
        """Replace random choices by cheaper ones: as few as the bounds require, else all."""
        while not self._fits(choices):
            cheaper = {name: self._cheaper(name, choices) for name in choices}
            names = [name for name in rng.permutation(list(choices)) if cheaper[name]]
            if not names:
                return choices
            steps = {name: cheaper[name][int(rng.integers(len(cheaper[name])))] for name in names}
            choices = self._walked(choices, list(steps.items()))
        return choices

    def _walked(self, choices: Choices, steps: Sequence[tuple[str, Choice]]) -> Choices:
        """Take as few of ``steps`` as make the network fit (by bisection), or all of them."""
        few, enough = 0, len(steps)
        while enough - few > 1:
            middle = (few + enough) // 2
            if self._fits(self.completed({**choices, **dict(steps[:middle])})):
                enough = middle
            else:
                few = middle
        return self.completed({**choices, **dict(steps[:enough])})

    def _cheaper(self, name: str, choices: Choices) -> list[Choice]:
        """Return the options of a parameter that cost less than the chosen one."""
        if name not in self._loads:
            example = self._example(name)
            self._loads[name] = {
                option: sum(self._ratios(self.completed({**example, name: option})).values())
                for option in self.distributions[name].choices
            }
        loads = self._loads[name]
        return [option for option, load in loads.items() if load < loads[choices[name]]]

    def _example(self, name: str) -> Choices:
        """Return a combination that has the parameter, always the same: a seed decides a search."""
        rng = np.random.default_rng(_EXAMPLE_SEED)
        while name not in (choices := self.completed({}, rng)):
            pass
        return choices

    def _nothing_fits(self, rng: np.random.Generator) -> InvalidSpace:
        """Return the error that counts what each bound rejects."""
        draws = [self._bounded(self.completed({}, rng)) for _ in range(_JUDGED)]
        least = [self._bounded(self._shrunk(self.completed({}, rng), rng)) for _ in range(_WALKS)]
        counts = [
            f"{name}={limit:,.0f} rejects {sum(d[name] > limit for d in draws):,} "
            f"(the smallest network found has {min(d[name] for d in [*draws, *least]):,.0f})"
            for name, limit in self._limits.items()
        ]
        return InvalidSpace(
            f"no network of {type(self).__name__} was found that is valid; of {_JUDGED:,} random "
            f"draws {' and '.join(counts)}; raise the bound, or give the parameters smaller choices"
        )

    def _sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """Return the sketch, from a cache of the latest ones if it is there."""
        key = self._key(choices)
        if key not in self._sketches:
            if len(self._sketches) >= _SKETCHES:
                self._sketches.pop(next(iter(self._sketches)))
            self._sketches[key] = self.sketch(choices)
        return self._sketches[key]

    def _key(self, choices: Choices) -> tuple[Choice, ...]:
        """Return the choices as a key, None for parameters that do not apply."""
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
