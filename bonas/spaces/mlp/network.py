"""The network of a perceptron plan: hidden layers, then a linear map to the outputs."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.spaces.mlp.plan import LayerPlan, PerceptronPlan

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda width: nn.Identity(),
    "batch_norm": nn.BatchNorm1d,
    "layer_norm": nn.LayerNorm,
}


class Layer(nn.Module):
    """Rows ``batch x inputs`` to ``batch x outputs``."""

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(plan.inputs, plan.outputs),
            NORMS[plan.norm](plan.outputs),
            ACTIVATIONS[plan.activation](),
            nn.Dropout(plan.dropout),
        )
        self.adds = plan.adds

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return x + out if self.adds else out


class Perceptron(nn.Module):
    """Examples of ``inputs`` numbers, of any shape, to ``batch x classes``.

    Raises:
        InvalidData: on examples of another size.
    """

    def __init__(self, plan: PerceptronPlan) -> None:
        super().__init__()
        self.inputs = plan.inputs
        self.layers = nn.Sequential(
            *map(Layer, plan.layers()), nn.Linear(plan.widths[-1], plan.classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(1) if x.ndim > 1 else x
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise InvalidData(
                f"expected a batch of {self.inputs} numbers per example, got shape "
                f"{tuple(x.shape)}; set inputs of the space"
            )
        out: Tensor = self.layers(rows)
        return out
