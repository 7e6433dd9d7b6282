"""Attention of other costs: Performer, Linformer, Perceiver."""

from __future__ import annotations

from typing import Any

from linformer import LinformerLM
from perceiver_pytorch import Perceiver
from performer_pytorch import PerformerLM
from torch import nn

from families.examples import CLASSES, VOCABULARY, classifying, next_tokens, numbers, tokens
from families.record import third_party

TEXT = tokens(2, 16)
LANGUAGE = {"training": next_tokens(16)}


@third_party("language model", "performer-pytorch", TEXT, **LANGUAGE)
def performer(choose: Any) -> nn.Module:
    return PerformerLM(
        num_tokens=VOCABULARY,
        max_seq_len=16,
        dim=32,
        depth=choose("depth", [1, 2]),
        heads=choose("heads", [2, 4]),
        dim_head=8,
        causal=False,
        nb_features=choose("features", [8, 16, 32]),
        generalized_attention=choose("generalized", [False, True]),
        ff_glu=choose("gated", [False, True]),
    )


@third_party("language model", "linformer", TEXT, **LANGUAGE)
def linformer(choose: Any) -> nn.Module:
    return LinformerLM(
        num_tokens=VOCABULARY,
        dim=32,
        seq_len=16,
        depth=choose("depth", [1, 2]),
        heads=choose("heads", [2, 4]),
        k=choose("projected", [2, 4, 8]),
        one_kv_head=choose("one_key", [False, True]),
        share_kv=choose("shared", [False, True]),
    )


@third_party("images", "perceiver-pytorch", numbers(2, 16, 16, 3), training=classifying(16, 16, 3))
def perceiver(choose: Any) -> nn.Module:
    return Perceiver(
        num_freq_bands=choose("bands", [2, 4]),
        depth=choose("depth", [1, 2, 3]),
        max_freq=10.0,
        num_latents=choose("latents", [4, 8]),
        latent_dim=16,
        latent_heads=2,
        cross_dim_head=8,
        latent_dim_head=8,
        num_classes=CLASSES,
        weight_tie_layers=choose("tied", [False, True]),
        self_per_cross_attn=choose("self", [1, 2]),
    )
