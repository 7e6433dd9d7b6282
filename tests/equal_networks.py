"""Equal networks in different notations."""

from __future__ import annotations

import torch
from small_networks import (
    IMAGE,
    SEQUENCE,
    SQUARE,
    Recurrent,
    Table,
    TimeFirst,
    band,
    each,
    masked,
    of,
)
from torch import nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

EQUAL: Table = {
    "scales": (
        SEQUENCE,
        of(
            lambda x: F.scaled_dot_product_attention(x, x, x),
            lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.5),
            lambda x: F.scaled_dot_product_attention(query=x, key=x, value=x, is_causal=False),
        ),
    ),
    "nothing joined": (
        SQUARE,
        of(lambda x: x.relu(), lambda x: torch.cat([x.new_zeros(2, 0, 6), x.relu()], 1)),
    ),
    "flattening": (
        IMAGE,
        of(lambda x: x.flatten(1), lambda x: x.view(2, -1), lambda x: x.reshape(len(x), 256)),
    ),
    "parts": (
        SQUARE,
        of(
            lambda x: x.chunk(2, 1)[0],
            lambda x: x[:, :3],
            lambda x: x.narrow(1, 0, 3),
            lambda x: x.split(3, 1)[0],
            lambda x: x[..., :3, :],
        ),
    ),
    "one of several": (
        (2, 3, 6),
        of(lambda x: x.unbind(1)[1], lambda x: x[:, 1], lambda x: x.select(1, 1)),
    ),
    "transposition": (
        SQUARE,
        of(
            lambda x: x.mT,
            lambda x: x.transpose(1, 2),
            lambda x: x.permute(0, 2, 1),
            lambda x: x.swapaxes(-1, -2),
            lambda x: x.movedim(1, 2),
        ),
    ),
    "there and back": (
        SQUARE,
        of(
            lambda x: x.relu(),
            lambda x: x.mT.relu().mT,
            lambda x: x.mT.mT.relu(),
            lambda x: x.view(2, 36).relu().view(2, 6, 6),
            lambda x: x.unsqueeze(1).relu().squeeze(1),
        ),
    ),
    "axes": (
        SQUARE,
        of(
            lambda x: x.softmax(1),
            lambda x: x.softmax(-2),
            lambda x: F.softmax(x, dim=1),
            lambda x: torch.softmax(x, 1),
        ),
    ),
    "names": (
        SQUARE,
        of(lambda x: x.mean(1), lambda x: x.mean(axis=1), lambda x: torch.mean(x, dim=-2)),
    ),
    "operators": (
        SQUARE,
        of(
            lambda x: x + x.relu(),
            lambda x: x.relu() + x,
            lambda x: torch.add(x, x.relu()),
            lambda x: x.relu().add_(x),
        ),
    ),
    "numbers": (
        SQUARE,
        of(
            lambda x: x * 2,
            lambda x: 2 * x,
            lambda x: x.mul(2),
            lambda x: x * torch.full((6,), 2),
            lambda x: x * torch.tensor(2.0),
        ),
    ),
    "defaults": (
        SQUARE,
        of(
            lambda x: F.leaky_relu(x),
            lambda x: F.leaky_relu(x, 0.01),
            lambda x: F.leaky_relu(input=x, negative_slope=0.01),
        ),
    ),
    "masks": (
        SEQUENCE,
        masked(
            lambda: band(8),
            lambda: torch.tril(torch.ones(1, 8, 8)),
            lambda: 1 - torch.ones(8, 8).triu(1),
            lambda: (torch.arange(8)[:, None] >= torch.arange(8)).float(),
        ),
    ),
    "no operations": (
        SQUARE,
        of(
            lambda x: x,
            lambda x: x.clone(),
            lambda x: x.contiguous().detach(),
            lambda x: x.to(x.dtype),
            lambda x: F.dropout(x, 0.0, False),
        ),
    ),
    "copies": (
        SQUARE,
        of(lambda x: x.relu() * 2, lambda x: torch.empty_like(x).copy_(x.relu()) * 2),
    ),
    "padding": (
        IMAGE,
        each(
            nn.Conv2d,
            {"padding": 1},
            {"padding": (1, 1)},
            {"padding": "same"},
            in_channels=4,
            out_channels=4,
            kernel_size=3,
        ),
    ),
    "matrix products": (
        SQUARE,
        of(
            lambda x: x @ x.relu(),
            lambda x: torch.matmul(x, x.relu()),
            lambda x: torch.bmm(input=x, mat2=x.relu()),
        ),
    ),
    "expansions": (
        SQUARE,
        of(
            lambda x: x * x.mean(1, keepdim=True),
            lambda x: x * x.mean(1, keepdim=True).expand_as(x),
        ),
    ),
    "batch first": (
        SEQUENCE,
        [lambda: Recurrent(nn.GRU, lambda y: y[0], batch_first=True), lambda: TimeFirst()],
    ),
}
"""A name -> the shape of an example, and notations of one network."""
