"""Sequence models of small libraries: state spaces, recurrences, convolutions."""

from __future__ import annotations

from typing import Any

import xlstm
from conformer import Conformer
from mambapy.mamba import Mamba, MambaConfig
from ncps.torch import CfC
from ncps.wirings import AutoNCP
from pytorch_tcn import TCN
from torch import Tensor, nn

from families.examples import classifying, numbers
from families.record import third_party

WIDTH, LENGTH = 16, 12
SERIES = numbers(2, LENGTH, WIDTH)
CLASSIFIED = {"training": classifying(LENGTH, WIDTH)}


class LastStep(nn.Module):
    """Labels from the last step of a sequence."""

    def __init__(self, network: nn.Module, width: int = WIDTH) -> None:
        super().__init__()
        self.network, self.head = network, nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        out = self.network(x)
        out = out[0] if isinstance(out, tuple) else out
        return self.head(out[:, -1])


@third_party("Mamba", "mambapy", SERIES, **CLASSIFIED)
def mambapy(choose: Any) -> nn.Module:
    config = MambaConfig(
        d_model=WIDTH,
        n_layers=choose("depth", [1, 2]),
        d_state=choose("state", [4, 8]),
        d_conv=choose("kernel", [2, 4]),
        expand_factor=choose("expand", [1, 2]),
        inner_layernorms=choose("norms", [False, True]),
        pscan=choose("parallel", [True, False]),
    )
    return LastStep(Mamba(config))


@third_party("xLSTM", "xlstm", SERIES, **CLASSIFIED)
def xlstm_stack(choose: Any) -> nn.Module:
    depth = choose("depth", [1, 2, 3])
    kinds = [choose(f"block{i}", ["mlstm", "slstm"]) for i in range(depth)]
    mlstm = xlstm.mLSTMLayerConfig(
        conv1d_kernel_size=choose("kernel", [2, 4]),
        qkv_proj_blocksize=4,
        num_heads=choose("heads", [2, 4]),
    )
    slstm = xlstm.sLSTMLayerConfig(backend="vanilla", num_heads=2, conv1d_kernel_size=4)
    config = xlstm.xLSTMBlockStackConfig(
        mlstm_block=xlstm.mLSTMBlockConfig(mlstm=mlstm),
        slstm_block=xlstm.sLSTMBlockConfig(
            slstm=slstm, feedforward=xlstm.FeedForwardConfig(proj_factor=1.3, act_fn="gelu")
        ),
        context_length=LENGTH,
        num_blocks=depth,
        embedding_dim=WIDTH,
        slstm_at=[i for i, kind in enumerate(kinds) if kind == "slstm"],
    )
    return LastStep(xlstm.xLSTMBlockStack(config))


@third_party("temporal convolutions", "pytorch-tcn", SERIES, **CLASSIFIED)
def tcn(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    network = TCN(
        WIDTH,
        [width] * choose("depth", [1, 2, 3]),
        kernel_size=choose("kernel", [2, 3, 4]),
        dilation_reset=choose("reset", [2, 4]),
        causal=choose("causal", [True, False]),
        use_norm=choose("norm", ["weight_norm", "batch_norm", "layer_norm"]),
        activation=choose("activation", ["relu", "gelu"]),
        use_gate=choose("gate", [False, True]),
        input_shape="NLC",
    )
    return LastStep(network, width)


@third_party("closed-form continuous time", "ncps", SERIES, **CLASSIFIED)
def cfc(choose: Any) -> nn.Module:
    units = choose("units", [12, 16])
    wired = choose("wired", [False, True])
    wiring = AutoNCP(units, 8, sparsity_level=choose("sparsity", [0.3, 0.5])) if wired else units
    network = CfC(
        WIDTH,
        wiring,
        mode=choose("mode", ["default", "pure", "no_gate"]),
        mixed_memory=choose("memory", [False, True]),
        **({} if wired else {"backbone_layers": choose("layers", [1, 2])}),
    )
    return LastStep(network, 8 if wired else units)


@third_party("Conformer", "conformer", SERIES, **CLASSIFIED)
def conformer(choose: Any) -> nn.Module:
    network = Conformer(
        WIDTH,
        depth=choose("depth", [1, 2]),
        dim_head=8,
        heads=choose("heads", [2, 4]),
        ff_mult=choose("expansion", [1, 2]),
        conv_kernel_size=choose("kernel", [3, 7]),
        conv_causal=choose("causal", [False, True]),
        ff_dropout=choose("dropout", [0.0, 0.1]),
    )
    return LastStep(network)
