"""The denoisers and the autoencoder of diffusers."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, DiTTransformer2DModel, UNet2DConditionModel, UNet2DModel
from torch import nn

from families.examples import brief, copying, numbers, tokens
from families.record import third_party

STEP = torch.tensor([10, 500])


@third_party(
    "UNet2DModel",
    "diffusers",
    (numbers(2, 3, 16, 16), STEP),
    training=copying(numbers(12, 3, 16, 16), tokens(12)),
)
def diffusion_unet(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    attended = choose("attention", [False, True])
    return UNet2DModel(
        sample_size=16,
        block_out_channels=(width, 2 * width),
        layers_per_block=choose("depth", [1, 2]),
        down_block_types=("DownBlock2D", "AttnDownBlock2D" if attended else "DownBlock2D"),
        up_block_types=("AttnUpBlock2D" if attended else "UpBlock2D", "UpBlock2D"),
        norm_num_groups=choose("groups", [2, 4, 8]),
        attention_head_dim=8,
        resnet_time_scale_shift=choose("time", ["default", "scale_shift"]),
        add_attention=choose("middle", [True, False]),
    )


@third_party(
    "UNet2DConditionModel",
    "diffusers",
    {
        "sample": numbers(2, 4, 8, 8),
        "timestep": STEP,
        "encoder_hidden_states": numbers(2, 5, 16),
    },
    training=brief(
        {
            "sample": numbers(12, 4, 8, 8),
            "timestep": tokens(12),
            "encoder_hidden_states": numbers(12, 5, 16),
        },
        numbers(12, 4, 8, 8),
        task="regression",
    ),
)
def conditional_unet(choose: Any) -> nn.Module:
    width = choose("width", [16, 32])
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(width, width),
        layers_per_block=choose("depth", [1, 2]),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=choose("heads", [2, 4]),
        transformer_layers_per_block=choose("transformers", [1, 2]),
        norm_num_groups=8,
    )


@third_party(
    "AutoencoderKL", "diffusers", numbers(2, 3, 16, 16), training=copying(numbers(12, 3, 16, 16))
)
def autoencoder_kl(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    return AutoencoderKL(
        block_out_channels=(width, 2 * width),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=choose("depth", [1, 2]),
        latent_channels=choose("latent", [2, 4]),
        norm_num_groups=choose("groups", [4, 8]),
        act_fn=choose("activation", ["silu", "relu"]),
        mid_block_add_attention=choose("attention", [True, False]),
    )


@third_party(
    "DiT",
    "diffusers",
    (numbers(2, 4, 8, 8), STEP, torch.tensor([1, 7])),
    training=copying(numbers(12, 4, 8, 8), tokens(12), tokens(12, below=10)),
)
def dit(choose: Any) -> nn.Module:
    heads = choose("heads", [2, 4])
    return DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=choose("head", [8, 16]),
        in_channels=4,
        num_layers=choose("depth", [1, 2, 3]),
        sample_size=8,
        patch_size=choose("patch", [2, 4]),
        num_embeds_ada_norm=10,
        attention_bias=choose("bias", [False, True]),
    )
