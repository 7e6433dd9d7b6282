"""Other networks for images: one that scales, two towers, and one of spikes."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from efficientnet_pytorch import EfficientNet
from efficientnet_pytorch.utils import BlockDecoder, GlobalParams
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from torch import Tensor, nn

from families.examples import CLASSES, classifying, numbers, stepping, tokens
from families.record import third_party

IMAGE = numbers(2, 3, 32, 32)


@third_party("EfficientNet", "efficientnet-pytorch", IMAGE, training=classifying(3, 32, 32))
def efficientnet(choose: Any) -> nn.Module:
    kernel = choose("kernel", [3, 5])
    blocks = [
        f"r1_k3_s11_e1_i32_o8_se{choose('squeeze', [0.25, 0.5])}",
        f"r{choose('depth', [1, 2, 3])}_k{kernel}_s22_e{choose('expansion', [2, 4])}_i8_o16_se0.25",
    ]
    settings = GlobalParams(
        width_coefficient=choose("width", [1.0, 2.0]),
        depth_coefficient=1.0,
        image_size=32,
        dropout_rate=0.0,
        num_classes=CLASSES,
        batch_norm_momentum=0.99,
        batch_norm_epsilon=1e-3,
        drop_connect_rate=choose("drop_connect", [0.0, 0.2]),
        depth_divisor=8,
        min_depth=None,
        include_top=True,
    )
    return EfficientNet(BlockDecoder.decode(blocks), settings)


PAIRS = (IMAGE, tokens(2, 8))


def _contrast(network: nn.Module, pairs: tuple[Tensor, Tensor]) -> Tensor:
    images, texts, scale = network(*pairs)
    return nn.functional.cross_entropy(scale * images @ texts.T, torch.arange(len(images)))


@third_party("CLIP, two towers", "open-clip-torch", PAIRS, training=stepping(PAIRS, _contrast))
def clip(choose: Any) -> nn.Module:
    vision = CLIPVisionCfg(
        layers=choose("image_depth", [1, 2]),
        width=choose("image_width", [32, 64]),
        head_width=16,
        patch_size=choose("patch", [8, 16]),
        image_size=32,
        pool_type=choose("pool", ["tok", "avg"]),
    )
    text = CLIPTextCfg(
        context_length=8,
        vocab_size=64,
        width=32,
        heads=choose("heads", [2, 4]),
        layers=choose("text_depth", [1, 2]),
    )
    return CLIP(choose("embedding", [16, 32]), vision, text)


class Spiking(nn.Module):
    """Leaky neurons over a few steps of the same image."""

    def __init__(self, width: int, steps: int, beta: float, kind: str) -> None:
        super().__init__()
        neurons = {"leaky": snntorch.Leaky, "synaptic": snntorch.Synaptic}
        extra = {"alpha": 0.8} if kind == "synaptic" else {}
        self.layer, self.head = nn.Linear(64, width), nn.Linear(width, CLASSES)
        self.neurons = neurons[kind](beta=beta, init_hidden=False, **extra)
        self.kind, self.steps = kind, steps

    def forward(self, x: Tensor) -> Tensor:
        current = self.layer(x.flatten(1))
        state = [torch.zeros_like(current) for _ in range(1 + (self.kind == "synaptic"))]
        out = torch.zeros(len(x), CLASSES)
        for _ in range(self.steps):
            spikes, *state = self.neurons(current, *state)
            out = out + self.head(spikes)
        return out / self.steps


@third_party("spiking neurons", "snntorch", numbers(2, 1, 8, 8), training=classifying(1, 8, 8))
def spiking(choose: Any) -> nn.Module:
    return Spiking(
        choose("width", [16, 32]),
        choose("steps", [2, 4]),
        choose("beta", [0.5, 0.9]),
        choose("kind", ["leaky", "synaptic"]),
    )
