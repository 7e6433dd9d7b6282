"""Networks for tables."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_tabnet.tab_network import TabNetNoEmbeddings
from rtdl_revisiting_models import MLP, FTTransformer, ResNet
from tabm import TabM
from torch import Tensor, nn

from families.examples import brief, classifying, labels, numbers, regressing, stepping, tokens
from families.record import third_party

COLUMNS = 6
TABLE = numbers(2, COLUMNS)
ROWS = {"training": classifying(COLUMNS)}


@third_party("ResNet", "rtdl-revisiting-models", TABLE, **ROWS)
def tabular_resnet(choose: Any) -> nn.Module:
    return ResNet(
        d_in=COLUMNS,
        d_out=10,
        n_blocks=choose("depth", [1, 2, 3]),
        d_block=choose("width", [16, 32]),
        d_hidden_multiplier=choose("expansion", [1.0, 2.0]),
        dropout1=choose("dropout1", [0.0, 0.2]),
        dropout2=choose("dropout2", [0.0, 0.1]),
    )


@third_party("MLP", "rtdl-revisiting-models", TABLE, training=regressing((COLUMNS,), 2))
def tabular_mlp(choose: Any) -> nn.Module:
    return MLP(
        d_in=COLUMNS,
        d_out=2,
        n_blocks=choose("depth", [1, 2, 3, 4]),
        d_block=choose("width", [16, 32, 64]),
        dropout=choose("dropout", [0.0, 0.1, 0.5]),
    )


@third_party(
    "FT-Transformer",
    "rtdl-revisiting-models",
    (TABLE, torch.tensor([[0, 2], [1, 0]])),
    training=brief((numbers(48, COLUMNS), tokens(48, 2, below=2)), labels()),
)
def ft_transformer(choose: Any) -> nn.Module:
    return FTTransformer(
        n_cont_features=COLUMNS,
        cat_cardinalities=[2, 3],
        d_out=10,
        n_blocks=choose("depth", [1, 2, 3]),
        d_block=choose("width", [16, 32]),
        attention_n_heads=choose("heads", [2, 4]),
        attention_dropout=choose("attention_dropout", [0.0, 0.2]),
        ffn_d_hidden_multiplier=choose("expansion", [1.0, 2.0]),
        ffn_dropout=0.0,
        residual_dropout=0.0,
    )


def _of_members(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    outputs = network(batch[0])
    return nn.functional.cross_entropy(
        outputs.flatten(0, 1), batch[1].repeat_interleave(outputs.shape[1])
    )


@third_party("TabM", "tabm", TABLE, training=stepping((TABLE, torch.tensor([0, 3])), _of_members))
def tabm(choose: Any) -> nn.Module:
    sharing = choose("sharing", ["tabm", "tabm-mini", "tabm-packed"])
    packed = sharing == "tabm-packed"
    return TabM(
        n_num_features=COLUMNS,
        cat_cardinalities=[],
        d_out=10,
        n_blocks=choose("depth", [1, 2, 3]),
        d_block=choose("width", [16, 32]),
        dropout=choose("dropout", [0.0, 0.1]),
        k=choose("members", [2, 4, 8]),
        arch_type=sharing,
        start_scaling_init=None if packed else choose("start", ["normal", "random-signs"]),
    )


@third_party("TabNet", "pytorch-tabnet", TABLE, **ROWS)
def tabnet(choose: Any) -> nn.Module:
    return TabNetNoEmbeddings(
        COLUMNS,
        10,
        n_d=choose("decision", [4, 8]),
        n_a=choose("attention", [4, 8]),
        n_steps=choose("steps", [1, 2, 3]),
        gamma=choose("gamma", [1.0, 1.3]),
        n_independent=choose("independent", [1, 2]),
        n_shared=choose("shared", [1, 2]),
        virtual_batch_size=8,
        mask_type=choose("mask", ["sparsemax", "entmax"]),
        group_attention_matrix=torch.eye(COLUMNS),
    )
