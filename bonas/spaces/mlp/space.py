"""Multilayer perceptrons for rows of numbers.

layer: linear -> normalisation -> activation -> dropout  (+ input, where the widths agree)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from itertools import pairwise

from optuna.distributions import BaseDistribution, FloatDistribution
from torch import nn

from bonas.arguments import check_count, check_range
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.mlp.network import ACTIVATIONS, NORMS, Layer, Perceptron
from bonas.spaces.options import flags, names, whole_numbers
from bonas.spaces.sized import SizedSpace
from bonas.spaces.sketch import Sketch


@dataclass(frozen=True)
class MLPSpace(SizedSpace):
    """Perceptrons of one hidden layer or more, each layer with a width of its own.

    Parameters are ``depth``, ``layer1_width`` and so on (which apply where there are so many
    layers), ``activation``, ``norm`` and ``residual``; where there is one option only it is a
    constant, and no parameter.

    Args:
        inputs: Numbers in a row; inputs of more dimensions are flattened.
        classes: Outputs: the classes, or the targets of a regression.
        depths: Numbers of hidden layers.
        widths: Units of a hidden layer.
        activations: Out of ``relu``, ``gelu``, ``silu`` and ``tanh``.
        norms: Out of ``none``, ``batch_norm`` and ``layer_norm``.
        residual: Whether a layer's input is added to its output, where their widths agree.
        max_dropout: Above 0, ``dropout`` is a numeric parameter between 0 and it (below 1).

    Bounds: see ``SizedSpace``.

    >>> space = MLPSpace(inputs=20, classes=3)
    >>> space.costs(space.completed({}))
    {'parameters': 771.0, 'multiply_adds': 736.0}
    """

    inputs: int
    classes: int
    _: KW_ONLY
    depths: Sequence[int] = (1, 2, 3, 4)
    widths: Sequence[int] = (32, 64, 128, 256)
    activations: Sequence[str] = ("relu", "gelu", "silu")
    norms: Sequence[str] = ("none", "batch_norm", "layer_norm")
    residual: Sequence[bool] = (False, True)
    max_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("inputs", self.inputs)
        check_count("classes", self.classes)
        put = object.__setattr__
        put(self, "depths", whole_numbers("depths", self.depths))
        put(self, "widths", whole_numbers("widths", self.widths))
        put(self, "activations", names("activations", self.activations, ACTIVATIONS))
        put(self, "norms", names("norms", self.norms, NORMS))
        put(self, "residual", flags("residual", self.residual))
        check_range("max_dropout", self.max_dropout, 0.0, 1.0)

    @cached_property
    def numeric(self) -> Mapping[str, BaseDistribution]:  # type: ignore[override]  # derived here
        """The dropout rate, if it is searched."""
        return {"dropout": FloatDistribution(0.0, self.max_dropout)} if self.max_dropout else {}

    @property
    def input_shape(self) -> tuple[int]:
        """The shape of one row."""
        return (self.inputs,)

    def applies(self, name: str, earlier: Choices) -> bool:
        """Whether there are so many layers that the one of this width is there."""
        layer = self._layers.get(name, 1)
        return layer == 1 or layer <= self.chosen(earlier, "depth")

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        """A node an operation; dropout is none."""
        sketch = Sketch(self.input_shape)
        x, width = sketch.input, self.inputs
        for units in self._widths(choices):
            before, x = x, sketch.linear(x, width, units)
            norm = self.chosen(choices, "norm")
            if norm != "none":
                x = sketch.add(norm, [x], (units,), parameters=2 * units, outputs=units)
            x = sketch.add(self.chosen(choices, "activation"), [x], (units,), outputs=units)
            if self.chosen(choices, "residual") and units == width:
                x = sketch.add("add", [before, x], (units,), outputs=units)
            width = units
        return sketch, sketch.linear(x, width, self.classes)

    def build(self, choices: Choices) -> nn.Module:
        """The whole network; without a ``dropout`` among the choices it drops nothing."""
        widths = [self.inputs, *self._widths(choices)]
        layers = [
            Layer(
                before,
                units,
                norm=self.chosen(choices, "norm"),
                activation=self.chosen(choices, "activation"),
                dropout=float(choices.get("dropout") or 0.0),
                add=before == units and self.chosen(choices, "residual"),
            )
            for before, units in pairwise(widths)
        ]
        return Perceptron(self.inputs, layers, nn.Linear(widths[-1], self.classes))

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """Of the network as a whole, then layer by layer."""
        return {
            "activation": self.activations,
            "norm": self.norms,
            "residual": self.residual,
            "depth": self.depths,
            **dict.fromkeys(self._layers, self.widths),
        }

    @cached_property
    def _layers(self) -> dict[str, int]:
        """The name of a width -> the number of its layer."""
        return {f"layer{i}_width": i for i in range(1, max(self.depths) + 1)}

    def _widths(self, choices: Choices) -> list[int]:
        depth = self.chosen(choices, "depth")
        return [self.chosen(choices, name) for name, i in self._layers.items() if i <= depth]
