"""Recurrent spaces: stacks of one kind of cell, over sequences of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from bonas.arguments import check_count
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.options import flags, names, whole_numbers
from bonas.spaces.planned import PlannedSpace
from bonas.spaces.recurrent.network import RecurrentNetwork
from bonas.spaces.recurrent.plan import GATES, RecurrentPlan

_BETWEEN = ("residual", "layer_norm")  # what lies between two layers


@dataclass(frozen=True)
class RecurrentSpace(PlannedSpace):
    """Recurrent networks that score a whole sequence; the defaults suit digits.

    Parameters are ``cell``, ``depth``, ``width``, ``bidirectional``, and for more than one layer
    ``residual`` and ``layer_norm``; where there is one option only it is a constant, and no
    parameter.

    Args:
        inputs: Numbers in a step of a sequence.
        length: Steps in a sequence, for counting costs; a network takes any number.
        classes: Outputs: the classes, or the targets of a regression.
        cells: Out of ``lstm``, ``gru``, ``mgu`` (a minimal gated unit) and ``rnn``.
        depths: Numbers of layers.
        widths: Units of a cell.
        bidirectional: Whether each layer also reads the sequence backwards, with as many units.
        residual: Whether a layer's input is added to its output, from the second layer on.
        layer_norm: Whether a layer's input is normalised, from the second layer on.

    Bounds: see ``SizedSpace``.

    >>> space = RecurrentSpace(inputs=3, length=100, classes=2)
    >>> space.costs(space.completed({}))
    {'parameters': 4802.0, 'multiply_adds': 448064.0}
    """

    inputs: int = 8
    _: KW_ONLY
    length: int = 8
    classes: int = 10
    cells: Sequence[str] = ("lstm", "gru", "mgu", "rnn")
    depths: Sequence[int] = (1, 2, 3)
    widths: Sequence[int] = (32, 64, 128)
    bidirectional: Sequence[bool] = (False, True)
    residual: Sequence[bool] = (False, True)
    layer_norm: Sequence[bool] = (False, True)

    network = RecurrentNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("inputs", "length", "classes"):
            check_count(name, getattr(self, name))
        put = object.__setattr__
        put(self, "cells", names("cells", self.cells, GATES))
        for name in ("depths", "widths"):
            put(self, name, whole_numbers(name, getattr(self, name)))
        for name in ("bidirectional", *_BETWEEN):
            put(self, name, flags(name, getattr(self, name)))

    @property
    def input_shape(self) -> tuple[int, int]:
        """The shape of one sequence: ``length x inputs``."""
        return (self.length, self.inputs)

    def applies(self, name: str, earlier: Choices) -> bool:
        """Return whether there are two layers for it to lie between."""
        return name not in _BETWEEN or self.chosen(earlier, "depth") > 1

    def plan(self, choices: Choices) -> RecurrentPlan:
        """Return the description of the network."""
        depth = self.chosen(choices, "depth")
        return RecurrentPlan(
            inputs=self.inputs,
            length=self.length,
            outputs=self.classes,
            cell=self.chosen(choices, "cell"),
            depth=depth,
            width=self.chosen(choices, "width"),
            bidirectional=self.chosen(choices, "bidirectional"),
            residual=depth > 1 and self.chosen(choices, "residual"),
            layer_norm=depth > 1 and self.chosen(choices, "layer_norm"),
        )

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the network as a whole."""
        options: dict[str, Sequence[Choice]] = {
            "cell": self.cells,
            "depth": self.depths,
            "width": self.widths,
            "bidirectional": self.bidirectional,
        }
        if max(self.depths) > 1:  # else there is nothing between two layers
            options |= {"residual": self.residual, "layer_norm": self.layer_norm}
        return options
