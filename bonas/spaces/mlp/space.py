"""Multilayer perceptrons for rows of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

from optuna.distributions import BaseDistribution, FloatDistribution

from bonas.arguments import check_count, check_range
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.mlp.network import ACTIVATIONS, NORMS, Perceptron
from bonas.spaces.mlp.plan import PerceptronPlan
from bonas.spaces.options import flags, names, whole_numbers
from bonas.spaces.planned import PlannedSpace


@dataclass(frozen=True)
class MLPSpace(PlannedSpace):
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

    network = Perceptron

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
        """Return whether there are enough layers for the one of this width."""
        layer = self._layers.get(name, 1)
        return layer == 1 or layer <= self.chosen(earlier, "depth")

    def plan(self, choices: Choices) -> PerceptronPlan:
        """Return the description of the network; without a ``dropout`` it drops nothing."""
        depth = self.chosen(choices, "depth")
        return PerceptronPlan(
            inputs=self.inputs,
            widths=tuple(
                self.chosen(choices, name) for name, i in self._layers.items() if i <= depth
            ),
            classes=self.classes,
            activation=self.chosen(choices, "activation"),
            norm=self.chosen(choices, "norm"),
            residual=self.chosen(choices, "residual"),
            dropout=float(choices.get("dropout") or 0.0),
        )

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the network as a whole, then layer by layer."""
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
