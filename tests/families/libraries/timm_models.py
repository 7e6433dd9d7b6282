"""Image networks of timm: by their classes, and by the names of its models."""

from __future__ import annotations

from typing import Any

import timm
from timm.models import convnext, resnet, vision_transformer
from torch import nn

from families.examples import CLASSES, classifying, numbers
from families.record import third_party

IMAGE = numbers(2, 3, 32, 32)
IMAGES = {"training": classifying(3, 32, 32)}


@third_party("ResNet", "timm", IMAGE, **IMAGES)
def timm_resnet(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    block = choose("block", ["basic", "bottleneck"])
    return resnet.ResNet(
        resnet.BasicBlock if block == "basic" else resnet.Bottleneck,
        [choose("depth0", [1, 2]), choose("depth1", [1, 2]), 1, 1],
        num_classes=CLASSES,
        channels=[width, width, 2 * width, 2 * width],
        stem_width=16,
        stem_type=choose("stem", ["", "deep"]),
        avg_down=choose("average", [False, True]),
        drop_path_rate=choose("drop_path", [0.0, 0.2]),
        block_args={
            "attn_layer": {"none": None, "se": "se", "eca": "eca"}[
                choose("attention", ["none", "se", "eca"])
            ]
        },
    )


@third_party("by name", "timm", IMAGE, **IMAGES)
def timm_by_name(choose: Any) -> nn.Module:
    names = ["mobilenetv3_small_050", "efficientnet_lite0", "lcnet_050", "regnetx_002"]
    names += ["ghostnet_050", "mnasnet_small", "test_vit", "test_resnet"]
    size = {"img_size": 32} if (name := choose("name", names)) == "test_vit" else {}
    return timm.create_model(
        name, num_classes=CLASSES, drop_rate=choose("dropout", [0.0, 0.2]), **size
    )


@third_party("ViT", "timm", IMAGE, **IMAGES)
def timm_vit(choose: Any) -> nn.Module:
    return vision_transformer.VisionTransformer(
        img_size=32,
        patch_size=choose("patch", [4, 8]),
        num_classes=CLASSES,
        embed_dim=choose("width", [32, 48]),
        depth=choose("depth", [1, 2, 3]),
        num_heads=choose("heads", [2, 4]),
        mlp_ratio=choose("expansion", [2.0, 4.0]),
        qk_norm=choose("normalised", [False, True]),
        init_values=choose("scale", {"none": None, "small": 1e-5, "large": 0.1}),
        global_pool=choose("pool", ["token", "avg"]),
        class_token=True,
    )


@third_party("ConvNeXt", "timm", IMAGE, **IMAGES)
def timm_convnext(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    return convnext.ConvNeXt(
        num_classes=CLASSES,
        depths=(choose("depth0", [1, 2]), choose("depth1", [1, 2]), 1, 1),
        dims=(width, width, 2 * width, 2 * width),
        patch_size=2,
        kernel_sizes=choose("kernel", [3, 5, 7]),
        use_grn=choose("response", [False, True]),
        conv_mlp=choose("convolutions", [False, True]),
        drop_path_rate=choose("drop_path", [0.0, 0.1]),
    )
