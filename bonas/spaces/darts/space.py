"""DARTS' cells: a normal and a reduction cell, each reading the two cells before it.

The form is NASNet's, the operations and the network are those of DARTS on small images.

Sources: Zoph et al. (2018), "Learning transferable architectures for scalable image recognition",
CVPR; Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from itertools import combinations, combinations_with_replacement

from torch import nn

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, InvalidSpace
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.darts.cell import KERNELS, Design, Step, design
from bonas.spaces.darts.network import DARTSNetwork
from bonas.spaces.darts.plan import DARTSPlan
from bonas.spaces.graph import ArchitectureGraph
from bonas.spaces.options import names
from bonas.spaces.outline import Outline
from bonas.spaces.planned import PlannedSpace

DARTS_OPERATIONS = tuple(name for name in KERNELS if name != "none")
_KINDS = ("normal", "reduce")


@dataclass(frozen=True)
class DARTSSpace(PlannedSpace):
    """All pairs of a normal and a reduction cell; the defaults are the networks of DARTS' search.

    States 0 and 1 of a cell are the outputs of the cell before the last and of the last; the cell
    makes states 2, 3, ... Of a state the parameters are ``normal_3_inputs``, the two states that it
    sums (``"0+2"``; their order does not matter, so there is one parameter for both),
    and ``normal_3_first`` and ``normal_3_second``, the operations on the first and on the second of
    them; of the reduction cell, ``reduce_3_inputs`` and so on. State 2 has two states to read
    only, so ``normal_2_inputs`` is a constant unless ``repeat_inputs``.

    The graph is the first normal cell with the first reduction cell on top of it, stem and head,
    not the whole network: it holds the same choices and is small. The sizes of its operations are
    those in these two cells. Costs, memory and bounds are of the whole network. The final networks
    of DARTS have ``channels=36, cells=20``.

    Args:
        nodes: States that a cell makes.
        operations: Names out of ``"max_pool_3x3"``, ``"avg_pool_3x3"``, ``"skip_connect"``,
            ``"sep_conv_3x3"``, ``"sep_conv_5x5"``, ``"dil_conv_3x3"``, ``"dil_conv_5x5"`` and
            ``"none"``, which gives zeros.
        repeat_inputs: Whether a state may read one state twice, as in NASNet.
        channels: Of the states of the first cell; a reduction cell doubles them.
        cells: Of the whole network, at least 3; those at one and two thirds of it reduce.
        classes: Outputs of the network.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting costs.

    Bounds: see ``SizedSpace``.

    >>> space = DARTSSpace()
    >>> len(space.distributions), space.distributions["normal_3_inputs"].choices
    (22, ('0+1', '0+2', '1+2'))
    """

    nodes: int = 4
    _: KW_ONLY
    operations: Sequence[str] = DARTS_OPERATIONS
    repeat_inputs: bool = False
    channels: int = 16
    cells: int = 8
    classes: int = 10
    in_channels: int = 3
    image_size: int = 32

    @classmethod
    def small(cls, *, classes: int = 10, in_channels: int = 1, image_size: int = 8) -> DARTSSpace:
        """Return a space for tiny images: three cells of two states, 8 channels wide at first."""
        return cls(
            2,
            channels=8,
            cells=3,
            classes=classes,
            in_channels=in_channels,
            image_size=image_size,
        )

    network = DARTSNetwork
    absent = identities = frozenset[str]()  # a skip connection has sizes, and reduces in places

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("nodes", "channels", "cells", "classes", "in_channels", "image_size"):
            check_count(name, getattr(self, name))
        if self.cells < 3:
            raise InvalidSpace(
                f"cells must be at least 3, a normal one and two that reduce; got {self.cells}"
            )
        if not isinstance(self.repeat_inputs, bool):
            raise InvalidArgument(
                f"repeat_inputs must be True or False, got {self.repeat_inputs!r}"
            )
        operations = names("operations", self.operations, KERNELS)
        object.__setattr__(self, "operations", operations)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels x height x width."""
        return (self.in_channels, self.image_size, self.image_size)

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the normal cell, then of the reduction cell, state by state."""
        options: dict[str, Sequence[Choice]] = {}
        for kind in _KINDS:
            for state in self._states:
                options[f"{kind}_{state}_inputs"] = self._pairs(state)
                options[f"{kind}_{state}_first"] = self.operations
                options[f"{kind}_{state}_second"] = self.operations
        return options

    def plan(self, choices: Choices) -> DARTSPlan:
        """Return the description of the network."""
        return DARTSPlan(
            normal=self._design(choices, "normal"),
            reduction=self._design(choices, "reduce"),
            channels=self.channels,
            cells=self.cells,
            classes=self.classes,
            in_channels=self.in_channels,
            image_size=self.image_size,
        )

    def is_valid(self, choices: Choices) -> bool:
        """Return whether both cells have an output, and the network is within the bounds."""
        return self.plan(choices).has_output and super().is_valid(choices)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return the graph of the two cells, with one node per operation."""
        return self.plan(choices).graph()

    def outline(self, choices: Choices) -> Outline:
        """Return the two cells between stem and head, as in ``graph``."""
        sketch, output = self.plan(choices).designs()
        return sketch.outline(output)

    def build(self, choices: Choices) -> nn.Module:
        """Build the whole network: stem, cells, head.

        Raises:
            InvalidSpace: if the output of one of the cells is always zero.
        """
        if not self.plan(choices).has_output:
            raise InvalidSpace(
                "a cell whose operations are all none has no output; ask is_valid(choices) first"
            )
        return super().build(choices)

    def genotype(self, choices: Choices) -> dict[str, list[Step]]:
        """Return ``normal`` and ``reduce``: pairs (operation, state), two per state from 2 on."""
        return {kind: list(self._steps(choices, kind)) for kind in _KINDS}

    def from_genotype(self, *, normal: Sequence[Step], reduce: Sequence[Step]) -> Choices:
        """Return the choices of a genotype as papers print it, with all states in its ``concat``.

        Args:
            normal: Pairs (operation, state), two for each state from 2 on, in either order.
            reduce: The same for the reduction cell.

        Raises:
            InvalidArgument: for anything but ``2 nodes`` pairs.
            InvalidSpace: for states or operations that the space does not have.
        """
        given: dict[str, Choice] = {}
        for kind, steps in zip(_KINDS, (normal, reduce), strict=True):
            pairs = _checked_steps(kind, steps, self.nodes)
            for state in self._states:
                two = pairs[2 * state - 4 : 2 * state - 2]
                first, second = sorted(two, key=lambda step: step[1])
                given[f"{kind}_{state}_inputs"] = f"{first[1]}+{second[1]}"
                given[f"{kind}_{state}_first"] = first[0]
                given[f"{kind}_{state}_second"] = second[0]
        for name, value in given.items():
            if value not in self.options[name]:
                raise InvalidSpace(
                    f"{name} must be one of {list(self.options[name])}, got {value!r}; change "
                    "operations or repeat_inputs of the space"
                )
        return {name: given[name] for name in self.parameters}

    @property
    def _states(self) -> range:
        """The numbers of the states that a cell makes."""
        return range(2, self.nodes + 2)

    def _pairs(self, state: int) -> tuple[str, ...]:
        """Return the options for the two states that ``state`` reads."""
        chosen = combinations_with_replacement if self.repeat_inputs else combinations
        return tuple(f"{first}+{second}" for first, second in chosen(range(state), 2))

    def _steps(self, choices: Choices, kind: str) -> Iterator[Step]:
        """Yield the steps of a cell, two per state."""
        for state in self._states:
            inputs = self.chosen(choices, f"{kind}_{state}_inputs").split("+")
            for place, source in zip(("first", "second"), inputs, strict=True):
                yield self.chosen(choices, f"{kind}_{state}_{place}"), int(source)

    def _design(self, choices: Choices, kind: str) -> Design:
        """Return what a kind of cell computes."""
        steps = list(self._steps(choices, kind))
        return design(zip(steps[::2], steps[1::2], strict=True))


def _checked_steps(kind: str, steps: Sequence[Step], nodes: int) -> list[Step]:
    """Return the steps of a genotype as pairs of a name and a number."""
    try:
        pairs = [(str(operation), int(state)) for operation, state in steps]
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"{kind} must be a list of pairs (operation, state), got {steps!r}"
        ) from error
    if len(pairs) != 2 * nodes:
        raise InvalidArgument(
            f"{kind} must hold {2 * nodes} pairs (operation, state), two for each of {nodes} "
            f"states; got {len(pairs)}"
        )
    return pairs
