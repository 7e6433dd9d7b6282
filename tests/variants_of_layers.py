"""Layers in variants that compute different things."""

from __future__ import annotations

import torch
from small_networks import (
    IMAGE,
    ROW,
    SEQUENCE,
    SQUARE,
    Attended,
    Precise,
    Recurrent,
    Table,
    Weighed,
    band,
    each,
    of,
)
from torch import nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

LAYERS: Table = {
    "adaptive pool": (
        IMAGE,
        each(nn.AdaptiveAvgPool2d, {"output_size": (2, 4)}, {"output_size": (4, 2)}),
    ),
    "attention": (
        (2, 2, 8, 4),
        of(
            lambda x: F.scaled_dot_product_attention(x, x, x),
            lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
            lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.1),
            lambda x: F.scaled_dot_product_attention(x, x, x.relu()),
            lambda x: F.scaled_dot_product_attention(x, x.relu(), x),
            lambda x: F.scaled_dot_product_attention(x.relu(), x, x),
            *(
                lambda x, w=w: F.scaled_dot_product_attention(x, x, x, band(w).bool())
                for w in (2, 4)
            ),
            *(
                lambda x, w=w: F.scaled_dot_product_attention(x, x, x, attn_mask=band(w))
                for w in (2, 4)
            ),
        ),
    ),
    "avg pool": (
        IMAGE,
        each(
            nn.AvgPool2d,
            {},
            {"padding": 1},
            {"padding": 1, "count_include_pad": False},
            {"divisor_override": 2},
            kernel_size=3,
            stride=3,
        ),
    ),
    "batch norm": (
        IMAGE,
        each(nn.BatchNorm2d, {}, {"eps": 0.1}, {"track_running_stats": False}, num_features=4),
    ),
    "celu": (SQUARE, each(nn.CELU, {}, {"alpha": 2.0})),
    "conv2d": (
        (2, 4, 9, 9),
        each(
            nn.Conv2d,
            {"stride": 3},
            {"stride": 3, "padding": 1},
            {"stride": (1, 3)},
            {"stride": (3, 1)},
            {"padding": (1, 0)},
            {"padding": (0, 1)},
            {"dilation": (2, 1)},
            {"dilation": (1, 2)},
            {"dilation": 2},
            {"groups": 2},
            {"padding": 1, "padding_mode": "circular"},
            {"padding": 1, "padding_mode": "reflect"},
            {"padding": 1},
            {"bias": False},
            in_channels=4,
            out_channels=4,
            kernel_size=3,
        ),
    ),
    "conv by name": (
        (2, 4, 9),
        [
            lambda k=k: Weighed(lambda x, w: F.conv1d(input=x, weight=w, **k), (4, 4, 3))
            for k in ({"padding": 1}, {"padding": 2, "dilation": 2})
        ],
    ),
    "elu": (SQUARE, each(nn.ELU, {}, {"alpha": 0.5})),
    "gelu": (SQUARE, each(nn.GELU, {}, {"approximate": "tanh"})),
    "glu": (SQUARE, each(nn.GLU, {"dim": 1}, {"dim": 2})),
    "group norm": (
        IMAGE,
        each(
            nn.GroupNorm,
            *({"num_groups": g} for g in (1, 2, 4)),
            {"num_groups": 2, "eps": 0.1},
            num_channels=4,
        ),
    ),
    "hardshrink": (SQUARE, each(nn.Hardshrink, {}, {"lambd": 0.1})),
    "hardtanh": (
        SQUARE,
        each(
            nn.Hardtanh, {}, {"max_val": 0.5}, {"min_val": -0.5}, {"min_val": 0.0, "max_val": 0.5}
        ),
    ),
    "instance norm": (
        IMAGE,
        each(
            nn.InstanceNorm2d,
            {},
            {"eps": 0.1},
            {"affine": True, "track_running_stats": True},
            num_features=4,
        ),
    ),
    "layer norm": (
        SQUARE,
        each(
            nn.LayerNorm,
            {"normalized_shape": 6},
            {"normalized_shape": (6, 6)},
            {"normalized_shape": 6, "eps": 0.1},
            elementwise_affine=False,
        ),
    ),
    "leaky relu": (SQUARE, each(nn.LeakyReLU, {}, {"negative_slope": 0.2})),
    "local response norm": (
        IMAGE,
        each(
            nn.LocalResponseNorm,
            {"size": 2},
            {"size": 3},
            {"size": 2, "alpha": 0.1},
            {"size": 2, "k": 2.0},
        ),
    ),
    "log_softmax": (SQUARE, each(nn.LogSoftmax, {"dim": 1}, {"dim": 2})),
    "lp pool": (IMAGE, each(nn.LPPool2d, {"norm_type": 2}, {"norm_type": 3}, kernel_size=2)),
    "lstm": (
        SEQUENCE,
        [
            lambda: Recurrent(nn.LSTM, lambda y: y[0], batch_first=True),
            lambda: Recurrent(nn.LSTM, lambda y: y[0][:, -1], batch_first=True),
            lambda: Recurrent(nn.LSTM, lambda y: y[1][1][0], batch_first=True),
            lambda: Recurrent(nn.LSTM, lambda y: y[0]),
            lambda: Recurrent(nn.LSTM, lambda y: y[0], batch_first=True, bidirectional=True),
        ],
    ),
    "max pool": (
        IMAGE,
        each(
            nn.MaxPool2d,
            {"stride": 2, "ceil_mode": True},
            {"stride": 2},
            {"stride": 3, "padding": 1},
            {"stride": 3},
            {"dilation": 2, "stride": 1},
            {"stride": (1, 2)},
            {"stride": (2, 1)},
            kernel_size=3,
        ),
    ),
    "multi-head attention": (
        SEQUENCE,
        [
            lambda a=a, h=h: Attended(h, **a)
            for h in (1, 2)
            for a in ({}, {"add_zero_attn": True}, {"add_bias_kv": True})
        ],
    ),
    "precision": (
        ROW,
        [lambda d=d: Precise(d) for d in (torch.float32, torch.bfloat16, torch.float16)],
    ),
    "rms norm": (SQUARE, each(nn.RMSNorm, {}, {"eps": 0.1}, normalized_shape=6)),
    "softmax": (SQUARE, each(nn.Softmax, {"dim": 1}, {"dim": 2})),
    "softplus": (SQUARE, each(nn.Softplus, {}, {"beta": 2.0}, {"threshold": 0.1})),
    "threshold": (SQUARE, each(nn.Threshold, {"value": 0.0}, {"value": 0.3}, threshold=0.2)),
    "transposed convolution": (
        (2, 4, 5, 5),
        each(
            nn.ConvTranspose2d,
            {"padding": 1},
            {"padding": 2, "output_padding": 2},
            {"output_padding": (1, 0)},
            {"output_padding": (0, 1)},
            in_channels=4,
            out_channels=4,
            kernel_size=3,
            stride=3,
        ),
    ),
    "upsample": (
        IMAGE,
        each(
            nn.Upsample,
            {"mode": "nearest"},
            {"mode": "bilinear"},
            {"mode": "bicubic"},
            scale_factor=2,
        ),
    ),
}
"""A name -> the shape of an example, and networks of which no two compute the same."""
