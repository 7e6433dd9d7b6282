"""Segmentation networks: a backbone of timm or torchvision under a decoder."""

from __future__ import annotations

from typing import Any

import segmentation_models_pytorch as smp
from torch import nn

from families.examples import numbers, places
from families.record import third_party

IMAGE = numbers(2, 3, 64, 64)
PIXELS = {"training": places(3, 64, 64, classes=3)}
BACKBONES = ["resnet10t", "mobilenetv3_small_050", "lcnet_050"]


@third_party("U-Net", "segmentation-models-pytorch", IMAGE, **PIXELS)
def smp_unet(choose: Any) -> nn.Module:
    width = choose("width", [16, 24])  # the attention has a 16th of the channels
    return smp.Unet(
        "tu-" + choose("backbone", BACKBONES),
        encoder_depth=3,
        encoder_weights=None,
        decoder_channels=(4 * width, 2 * width, width),
        decoder_attention_type=choose("attention", {"none": None, "scse": "scse"}),
        decoder_interpolation=choose("interpolation", ["nearest", "bilinear"]),
        decoder_use_norm=choose("norm", [True, False]),
        classes=3,
    )


@third_party("FPN, LinkNet, MA-Net, UNet++", "segmentation-models-pytorch", IMAGE, **PIXELS)
def smp_decoders(choose: Any) -> nn.Module:
    decoders = {"fpn": smp.FPN, "linknet": smp.Linknet, "ma": smp.MAnet, "++": smp.UnetPlusPlus}
    decoder = decoders[choose("decoder", list(decoders))]
    backbone = "tu-" + choose("backbone", BACKBONES)
    return decoder(backbone, encoder_weights=None, classes=3)
