"""Images, sound and series in transformers, by their configurations."""

from __future__ import annotations

from typing import Any

import transformers as hf
from torch import nn

from families.examples import CLASSES, ROWS, brief, classifying, numbers, tokens
from families.record import third_party

IMAGE = numbers(2, 3, 32, 32)
IMAGES = {"training": classifying(3, 32, 32)}


@third_party("ViT", "transformers", IMAGE, **IMAGES)
def vit(choose: Any) -> nn.Module:
    width = choose("width", [32, 48])
    config = hf.ViTConfig(
        image_size=32,
        patch_size=choose("patch", [8, 16]),
        hidden_size=width,
        num_hidden_layers=choose("depth", [1, 2]),
        num_attention_heads=choose("heads", [2, 4]),
        intermediate_size=2 * width,
        qkv_bias=choose("bias", [True, False]),
        num_labels=CLASSES,
    )
    return hf.ViTForImageClassification(config)


@third_party("ConvNeXt", "transformers", IMAGE, **IMAGES)
def convnext(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    config = hf.ConvNextConfig(
        image_size=32,
        patch_size=choose("patch", [2, 4]),
        hidden_sizes=[width, 2 * width],
        depths=[choose(f"depth{stage}", [1, 2, 3]) for stage in range(2)],
        num_stages=2,
        drop_path_rate=choose("drop_path", [0.0, 0.2]),
        hidden_act=choose("activation", ["gelu", "relu"]),
        num_labels=CLASSES,
    )
    return hf.ConvNextForImageClassification(config)


@third_party("Swin", "transformers", IMAGE, **IMAGES)
def swin(choose: Any) -> nn.Module:
    config = hf.SwinConfig(
        image_size=32,
        patch_size=4,
        embed_dim=choose("width", [8, 16]),
        depths=[choose("depth0", [1, 2]), choose("depth1", [1, 2])],
        num_heads=[2, 2],
        window_size=choose("window", [2, 4]),
        use_absolute_embeddings=choose("absolute", [False, True]),
        num_labels=CLASSES,
    )
    return hf.SwinForImageClassification(config)


QUARTERS = tokens(ROWS, 8, 8, below=CLASSES)  # its labels have a quarter of the resolution


@third_party("SegFormer", "transformers", IMAGE, training=brief(numbers(ROWS, 3, 32, 32), QUARTERS))
def segformer(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    config = hf.SegformerConfig(
        num_encoder_blocks=2,
        depths=[choose("depth0", [1, 2]), choose("depth1", [1, 2])],
        sr_ratios=[choose("reduction", [1, 2, 4]), 1],
        hidden_sizes=[width, 2 * width],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=choose("decoder", [16, 32]),
        num_labels=CLASSES,
    )
    return hf.SegformerForSemanticSegmentation(config)


@third_party("ResNet", "transformers", IMAGE, **IMAGES)
def resnet(choose: Any) -> nn.Module:
    config = hf.ResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, choose("width", [32, 48])],
        depths=[choose("depth0", [1, 2]), choose("depth1", [1, 2])],
        layer_type=choose("layer", ["basic", "bottleneck"]),
        downsample_in_first_stage=choose("downsample", [False, True]),
        num_labels=CLASSES,
    )
    return hf.ResNetForImageClassification(config)


@third_party("Wav2Vec2", "transformers", numbers(2, 1600), training=classifying(1600))
def wav2vec2(choose: Any) -> nn.Module:
    config = hf.Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=choose("depth", [1, 2]),
        num_attention_heads=choose("heads", [2, 4]),
        intermediate_size=64,
        conv_dim=[choose("channels", [16, 32])] * 3,
        conv_stride=[5, 4, 4],
        conv_kernel=[10, 8, choose("kernel", [4, 8])],
        feat_extract_norm=choose("norm", ["group", "layer"]),
        do_stable_layer_norm=choose("pre", [False, True]),
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=choose("groups", [2, 4]),
        apply_spec_augment=False,
        num_labels=CLASSES,
    )
    return hf.Wav2Vec2ForSequenceClassification(config)


FORECAST = {"training": brief(numbers(ROWS, 32, 3), numbers(ROWS, 8, 3), task="regression")}


@third_party("PatchTST", "transformers", numbers(2, 32, 3), **FORECAST)
def patchtst(choose: Any) -> nn.Module:
    patch = choose("patch", [4, 8])
    config = hf.PatchTSTConfig(
        num_input_channels=3,
        context_length=32,
        prediction_length=8,
        patch_length=patch,
        patch_stride=choose("stride", [2, 4]),
        d_model=choose("width", [16, 32]),
        num_hidden_layers=choose("depth", [1, 2]),
        num_attention_heads=2,
        ffn_dim=32,
        norm_type=choose("norm", ["batchnorm", "layernorm"]),
    )
    return hf.PatchTSTForPrediction(config)
