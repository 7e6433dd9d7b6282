"""Networks whose forward passes are hard to write down: each with an example of its inputs."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu


class Inplace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        z = y
        y += 1
        y[:, 0] = 2 * y[:, 1]
        y.clamp_(min=-0.5)
        relu(y, inplace=True)
        return z - 1


class OwnParameters(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.scales = nn.ParameterList([nn.Parameter(torch.rand(4)) for _ in range(2)])
        self.by_name = nn.ParameterDict({"shift": nn.Parameter(torch.rand(4))})
        self.register_buffer("table", torch.rand(3, 4), persistent=False)
        self.constant = torch.rand(4)  # registered nowhere

    def forward(self, x: Tensor) -> Tensor:
        token = self.token.expand(x.shape[0], -1, -1)
        x = torch.cat([token, x], dim=1) * self.scales[0] + self.scales[1]
        x = x + self.by_name["shift"] + self.constant + self.table.mean(0)
        return x.reshape(x.size(0), -1)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.again = self.block
        self.out = nn.Linear(4, 4, bias=False)
        self.out.weight = self.block[0].weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.again(self.block(x)))


class Switch(nn.Module):
    """A module that is called in two ways."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor, twice: bool) -> Tensor:
        x = self.linear(x)
        return self.linear(x) if twice else x


class TwoWays(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.switch = Switch()

    def forward(self, x: Tensor) -> Tensor:
        return self.switch(x, True) + self.switch(x, False)


class Leak(nn.Module):
    """A module that reads what another one left behind."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: list[Tensor] = []
        self.inner = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.memory[-1]


class SideChannel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.leak = Leak()
        self.tail = nn.Sequential(Leak(), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        y = x.mean(dim=1, keepdim=True)
        self.leak.memory = self.tail[0].memory = [y]
        return self.tail(self.leak(x))


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


class Inner(nn.Module):
    def forward(self, x: Tensor, *, options: dict[str, Any]) -> Pair:
        return Pair(x * options["by"], x.sum(dim=options["axis"], keepdim=True))


class Structures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()

    def forward(self, x: Tensor, others: dict[str, Tensor], scale: float = 2.0) -> dict[str, Any]:
        pair = self.inner(x, options={"by": others["by"], "axis": 1})
        return {"logits": pair.left * scale, "rest": (pair.right, [others["by"]])}


class Positional(nn.Module):
    """Positions made from the length of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.embed(ids)
        places = torch.arange(ids.shape[1], device=ids.device) / max(ids.shape[1], 1)
        x = x + places[None, :, None]
        x, _ = self.attention(x, x, x, key_padding_mask=~mask, need_weights=False)
        x = self.layer(x)
        x = x.masked_fill(~mask[..., None], float("-inf"))
        return x.amax(dim=1)


class DataDependent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else x


class Numpy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)


class Custom(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 3


class Opaque(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Custom.apply(x)  # type: ignore[no-any-return]


class Aten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.aten.relu(torch.ops.aten.mul.Tensor(x, 3))


class Numbered(nn.Sequential):
    """A sequence of its own kind, with names that are no identifiers."""

    def forward(self, x: Tensor) -> Tensor:
        for i, part in enumerate(self):
            x = part(x) + i
        return x


def normed() -> nn.Module:
    """Build layers whose weights are computed, by both mechanisms of torch."""
    return nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
        nn.utils.spectral_norm(nn.Linear(4, 4)),
    ).eval()


def lazy() -> nn.Module:
    """Build a lazy layer that has seen its inputs."""
    network = nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d())
    network(torch.rand(3, 4))
    return network


X = torch.linspace(-1.0, 1.0, 8).view(2, 4)
IDS = torch.arange(12).view(2, 6)
WRITABLE: dict[str, tuple[Any, Any]] = {
    "in place": (Inplace, X),
    "parameters of its own": (OwnParameters, X.view(2, 1, 4)),
    "shared modules": (Shared, X),
    "one module, two ways": (TwoWays, X),
    "side channel": (SideChannel, X),
    "nested arguments": (Structures, (X, {"by": X + 1})),
    "arguments by name": (Positional, {"ids": IDS, "mask": IDS < 11}),
    "numbered": (lambda: Numbered(nn.Linear(4, 4), nn.Linear(4, 4)), X),
    "computed weights": (normed, X),
    "lazy": (lazy, X),
    "a function of its own": (Opaque, X),
    "operators by their inner names": (Aten, X),
    "double": (lambda: nn.Sequential(nn.Linear(4, 4), Inplace()).double(), X.double()),
    "bfloat16": (lambda: nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)).bfloat16(), X.bfloat16()),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 4, 3, padding="same", padding_mode="circular"),
            nn.PReLU(4),
            nn.MaxPool1d(2),
            nn.Upsample(scale_factor=2),
            nn.ConvTranspose1d(4, 2, 3, stride=2, output_padding=1),
            nn.AdaptiveAvgPool1d(2),
            nn.GroupNorm(2, 2),
            nn.Softmax(dim=1),
        ),
        torch.linspace(-1, 1, 32).view(2, 2, 8),
    ),
}
"""A name -> what builds the network, and an example."""

UNWRITABLE: dict[str, tuple[Any, Any, str]] = {
    "a branch on values": (DataDependent, X, "__bool__"),
    "numpy": (Numpy, X, "numpy"),
}
"""A name -> what builds the network, an example, and what the reason says."""
