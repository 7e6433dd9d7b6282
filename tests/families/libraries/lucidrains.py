"""x-transformers and vit-pytorch: transformers whose parts are switched by keywords."""

from __future__ import annotations

from typing import Any

from torch import nn
from vit_pytorch import SimpleViT
from vit_pytorch.cct import CCT
from vit_pytorch.mobile_vit import MobileViT
from x_transformers import Decoder, Encoder, TransformerWrapper, ViTransformerWrapper

from families.examples import CLASSES, VOCABULARY, classifying, next_tokens, numbers, tokens
from families.record import third_party

IMAGE = numbers(2, 3, 32, 32)
IMAGES = {"training": classifying(3, 32, 32)}


@third_party("decoder", "x-transformers", tokens(2, 16), training=next_tokens(16))
def x_decoder(choose: Any) -> nn.Module:
    position = choose("position", ["absolute", "rotary", "alibi", "t5"])
    heads = choose("heads", [2, 4])
    layers = Decoder(
        dim=32,
        depth=choose("depth", [1, 2]),
        heads=heads,
        attn_dim_head=32,  # x-transformers warns of rotary embeddings of less
        rotary_pos_emb=position == "rotary",
        alibi_pos_bias=position == "alibi",
        rel_pos_bias=position == "t5",
        ff_glu=choose("gated", [False, True]),
        ff_relu_squared=choose("squared", [False, True]),
        use_rmsnorm=choose("rms", [False, True]),
        attn_qk_norm=choose("normalised", [False, True]),
        attn_kv_heads=choose("groups", [1, 2]),
    )
    return TransformerWrapper(
        num_tokens=VOCABULARY,
        max_seq_len=16,
        attn_layers=layers,
        use_abs_pos_emb=position == "absolute",
    )


@third_party("image encoder", "x-transformers", IMAGE, **IMAGES)
def x_encoder(choose: Any) -> nn.Module:
    layers = Encoder(
        dim=choose("width", [32, 48]),
        depth=choose("depth", [1, 2]),
        heads=2,
        attn_dim_head=8,
        sandwich_norm=choose("sandwich", [False, True]),
        macaron=choose("macaron", [False, True]),
        attn_qk_norm=choose("normalised", [False, True]),
    )
    return ViTransformerWrapper(
        image_size=32,
        patch_size=choose("patch", [8, 16]),
        num_classes=CLASSES,
        attn_layers=layers,
        num_register_tokens=choose("registers", [0, 2]),
    )


@third_party("SimpleViT", "vit-pytorch", IMAGE, **IMAGES)
def simple_vit(choose: Any) -> nn.Module:
    return SimpleViT(
        image_size=32,
        patch_size=choose("patch", [8, 16]),
        num_classes=CLASSES,
        dim=choose("width", [32, 64]),
        depth=choose("depth", [1, 2, 3]),
        heads=choose("heads", [2, 4]),
        mlp_dim=choose("mlp", [32, 64]),
        dim_head=16,
    )


@third_party("CCT", "vit-pytorch", IMAGE, **IMAGES)
def cct(choose: Any) -> nn.Module:
    return CCT(
        img_size=32,
        embedding_dim=32,
        n_conv_layers=choose("convolutions", [1, 2]),
        kernel_size=choose("kernel", [3, 5]),
        stride=2,
        padding=1,
        num_layers=choose("depth", [1, 2]),
        num_heads=choose("heads", [2, 4]),
        mlp_ratio=2.0,
        num_classes=CLASSES,
        positional_embedding=choose("position", ["learnable", "sine", "none"]),
        stochastic_depth_rate=choose("drop_path", [0.0, 0.2]),
        dropout_rate=0.0,
        attention_dropout=0.0,
    )


@third_party("MobileViT", "vit-pytorch", IMAGE, **IMAGES)
def mobile_vit(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    return MobileViT(
        image_size=(32, 32),
        dims=[16, 16, 16],
        channels=[8, width, width, width, width, width, width, width, width, width, 32],
        num_classes=CLASSES,
        expansion=choose("expansion", [2, 4]),
        patch_size=(1, 1),
        depths=(choose("depth0", [1, 2]), 1, choose("depth2", [1, 2])),
    )
