"""The network of a perceptron space: hidden layers, then a linear map to the outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from bonas.errors import InvalidData

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

    def __init__(
        self, inputs: int, outputs: int, *, norm: str, activation: str, dropout: float, add: bool
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(inputs, outputs),
            NORMS[norm](outputs),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
        )
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return x + out if self.add else out


class Perceptron(nn.Module):
    """Inputs of ``inputs`` numbers an example, of any shape, to ``batch x classes``.

    Raises:
        InvalidData: on examples of another size.
    """

    def __init__(self, inputs: int, layers: Sequence[Layer], last: nn.Linear) -> None:
        super().__init__()
        self.inputs = inputs
        self.layers = nn.Sequential(*layers, last)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(1) if x.ndim > 1 else x
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise InvalidData(
                f"expected a batch of {self.inputs} numbers an example, got shape "
                f"{tuple(x.shape)}; set inputs of the space"
            )
        out: Tensor = self.layers(rows)
        return out
