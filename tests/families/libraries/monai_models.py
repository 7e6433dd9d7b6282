"""Networks for volumes and medical images, of MONAI."""

from __future__ import annotations

from typing import Any

from monai.networks.nets import UNETR, BasicUNet, DenseNet, SegResNet, UNet
from torch import nn

from families.examples import classifying, numbers, places
from families.record import third_party

VOLUME = numbers(1, 1, 16, 16, 16)
VOXELS = places(1, 16, 16, 16, classes=2)


@third_party("UNet, 3d", "monai", VOLUME, training=VOXELS)
def monai_unet(choose: Any) -> nn.Module:
    width = choose("width", [4, 8])
    depth = choose("depth", [2, 3])
    return UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=2,
        channels=[width * 2**level for level in range(depth)],
        strides=[2] * (depth - 1),
        kernel_size=choose("kernel", [3, 5]),
        num_res_units=choose("residual", [0, 1, 2]),
        norm=choose("norm", ["INSTANCE", "BATCH"]),
        act=choose("activation", ["PRELU", "RELU", "MISH"]),
    )


@third_party("SegResNet, 3d", "monai", VOLUME, training=VOXELS)
def segresnet(choose: Any) -> nn.Module:
    return SegResNet(
        spatial_dims=3,
        init_filters=8,
        blocks_down=(1, choose("down", [1, 2])),
        blocks_up=(choose("up", [1, 2]),),
        norm=("GROUP", {"num_groups": choose("groups", [2, 4, 8])}),
        upsample_mode=choose("upsample", ["deconv", "nontrainable", "pixelshuffle"]),
    )


@third_party("DenseNet, 2d", "monai", numbers(2, 1, 32, 32), training=classifying(1, 32, 32))
def monai_densenet(choose: Any) -> nn.Module:
    return DenseNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=10,
        init_features=16,
        growth_rate=choose("growth", [4, 8]),
        block_config=[choose(f"block{i}", [1, 2, 3]) for i in range(3)],
        bn_size=choose("bottleneck", [2, 4]),
        dropout_prob=choose("dropout", [0.0, 0.2]),
    )


@third_party("UNETR, 3d", "monai", VOLUME, training=VOXELS)
def unetr(choose: Any) -> nn.Module:
    return UNETR(
        in_channels=1,
        out_channels=2,
        img_size=(16, 16, 16),
        feature_size=choose("features", [4, 8]),
        hidden_size=24,
        mlp_dim=choose("mlp", [32, 64]),
        num_heads=choose("heads", [2, 4]),
        res_block=choose("residual", [True, False]),
        conv_block=choose("convolutions", [True, False]),
        qkv_bias=choose("bias", [False, True]),
    )


@third_party("BasicUNet, 2d", "monai", numbers(2, 1, 32, 32), training=places(1, 32, 32, classes=2))
def basic_unet(choose: Any) -> nn.Module:
    width = choose("width", [4, 8])
    return BasicUNet(
        spatial_dims=2,
        features=(width, width, 2 * width, 2 * width, 4 * width, width),
        act=choose("activation", ["relu", "leakyrelu", "gelu"]),
        norm=choose("norm", ["instance", "batch"]),
        upsample=choose("upsample", ["deconv", "nontrainable"]),
    )
