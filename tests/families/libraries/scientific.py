"""Networks of science: operators, differential equations, symmetries, splines."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from e3nn import o3
from e3nn.nn import Gate
from egnn_pytorch import EGNN
from kan import KAN
from neuralop.models import FNO, TFNO
from siren_pytorch import SirenNet
from torch import Tensor, nn
from torchdiffeq import odeint

from families.examples import ROWS, brief, classifying, copying, labels, numbers, regressing
from families.record import third_party

FIELD = numbers(2, 1, 16, 16)


@third_party("FNO", "neuraloperator", FIELD, training=copying(numbers(12, 1, 16, 16)))
def fno(choose: Any) -> nn.Module:
    modes = choose("modes", [4, 8])
    return FNO(
        n_modes=(modes, modes),
        in_channels=1,
        out_channels=1,
        hidden_channels=choose("width", [8, 16]),
        n_layers=choose("depth", [1, 2]),
        norm=choose("norm", {"none": None, "group": "group_norm", "instance": "instance_norm"}),
        fno_skip=choose("skip", ["linear", "identity"]),
        channel_mlp_expansion=choose("expansion", [0.5, 1.0]),
    )


@third_party("TFNO, factorised", "neuraloperator", FIELD, training=copying(numbers(12, 1, 16, 16)))
def tfno(choose: Any) -> nn.Module:
    return TFNO(
        n_modes=(4, 4),
        in_channels=1,
        out_channels=1,
        hidden_channels=8,
        n_layers=choose("depth", [1, 2]),
        rank=choose("rank", [0.1, 0.3, 0.5]),
        factorization=choose("factors", ["tucker", "cp"]),
    )


class Flow(nn.Module):
    """A neural ordinary differential equation with labels at its end."""

    def __init__(self, width: int, depth: int, method: str, steps: int) -> None:
        super().__init__()
        layers = [part for _ in range(depth) for part in (nn.Linear(width, width), nn.Tanh())]
        self.stem, self.field = nn.Linear(4, width), nn.Sequential(*layers)
        self.head = nn.Linear(width, 3)
        self.solve = partial(odeint, method=method, options={"step_size": 1 / steps})

    def forward(self, x: Tensor) -> Tensor:
        times = torch.linspace(0.0, 1.0, 2)
        states = self.solve(lambda _, y: self.field(y), self.stem(x), times)
        return self.head(states[-1])


@third_party("neural ODE", "torchdiffeq", numbers(2, 4), training=classifying(4, classes=3))
def neural_ode(choose: Any) -> nn.Module:
    return Flow(
        choose("width", [8, 16]),
        choose("depth", [1, 2]),
        choose("method", ["euler", "midpoint", "rk4"]),
        choose("steps", [2, 4]),
    )


@third_party("spline network", "pykan", numbers(2, 3), training=regressing((3,), 1))
def kan(choose: Any) -> nn.Module:
    return KAN(
        width=[3, *[choose("width", [2, 4])] * choose("depth", [1, 2]), 1],
        grid=choose("grid", [3, 5]),
        k=choose("order", [2, 3]),
        base_fun=choose("base", ["silu", "identity"]),
        symbolic_enabled=False,
        save_act=False,
        auto_save=False,
    )


@third_party("SIREN", "siren-pytorch", numbers(2, 2), training=regressing((2,), 1))
def siren(choose: Any) -> nn.Module:
    return SirenNet(
        2,
        choose("width", [16, 32]),
        1,
        choose("depth", [1, 2, 3]),
        w0_initial=choose("frequency", [10.0, 30.0]),
        use_bias=choose("bias", [True, False]),
        dropout=choose("dropout", [0.0, 0.1]),
    )


class Equivariant(nn.Module):
    """Tensor products of positions with features, gated."""

    def __init__(self, scalars: int, vectors: int, depth: int) -> None:
        super().__init__()
        hidden = o3.Irreps(f"{scalars}x0e + {vectors}x1o")
        gate = partial(
            Gate,
            f"{scalars}x0e",
            [torch.tanh],
            f"{vectors}x0e",
            [torch.sigmoid],
            f"{vectors}x1o",
        )
        self.layers = nn.ModuleList()
        width = o3.Irreps("4x0e")
        for _ in range(depth):
            act = gate()
            self.layers.append(
                nn.ModuleList(
                    [o3.FullyConnectedTensorProduct(width, "1x0e + 1x1o", act.irreps_in), act]
                )
            )
            width = hidden
        self.head = o3.Linear(hidden, "3x0e")

    def forward(self, features: Tensor, positions: Tensor) -> Tensor:
        sphere = o3.spherical_harmonics("0e + 1o", positions, normalize=True)
        for product, act in self.layers:
            features = act(product(features, sphere))
        return self.head(features)


@third_party(
    "equivariant tensor products",
    "e3nn",
    (numbers(6, 4), numbers(6, 3)),
    training=brief((numbers(ROWS, 4), numbers(ROWS, 3)), labels(3)),
)
def equivariant(choose: Any) -> nn.Module:
    return Equivariant(
        choose("scalars", [4, 8]), choose("vectors", [2, 4]), choose("depth", [1, 2, 3])
    )


@third_party(
    "EGNN layer",
    "egnn-pytorch",
    (numbers(2, 6, 8), numbers(2, 6, 3)),
    training=copying(numbers(ROWS, 6, 8), numbers(ROWS, 6, 3)),
)
def egnn(choose: Any) -> nn.Module:
    return EGNN(
        8,
        m_dim=choose("messages", [8, 16]),
        fourier_features=choose("fourier", [0, 2]),
        num_nearest_neighbors=choose("neighbours", [0, 3]),
        norm_feats=choose("norm", [False, True]),
        soft_edges=choose("gated", [False, True]),
        m_pool_method=choose("pool", ["sum", "mean"]),
    )
