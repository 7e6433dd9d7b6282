"""Selections, in-place writes, masks and orders in variants that compute different things."""

from __future__ import annotations

import torch
from small_networks import (
    IMAGE,
    ROW,
    SEQUENCE,
    SQUARE,
    Buffered,
    Layers,
    Table,
    Weighed,
    assign,
    band,
    bias_of_positions,
    first_half,
    heads,
    in_place,
    masked,
    of,
    relative_positions,
    second_half,
    shuffled,
    written_while_seen,
)
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

ORDERS: Table = {
    "tile": (SQUARE, of(lambda x: x.tile(1, 2, 1), lambda x: x.tile(1, 1, 2))),
    "shifted windows": (
        IMAGE,
        of(
            lambda x: x.roll((1, 2), (2, 3)),
            lambda x: x.roll((1, 2), (3, 2)),
            lambda x: x.roll((2, 2), (2, 3)),
        ),
    ),
    "rotated halves": (
        SQUARE,
        of(
            lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
            lambda x: torch.cat(x.chunk(2, 2)[::-1], 2),
            lambda x: torch.cat([-x[..., 3:], x[..., :3]], -1),
            lambda x: torch.cat([x[..., 3:], -x[..., :3]], -1),
        ),
    ),
    "patches": (
        IMAGE,
        of(
            lambda x: (
                x.reshape(2, 4, 2, 4, 2, 4).permute(0, 2, 4, 1, 3, 5).reshape(2, 4, 64).cumsum(-1)
            ),
            lambda x: (
                x.reshape(2, 4, 4, 2, 4, 2).permute(0, 3, 5, 1, 2, 4).reshape(2, 4, 64).cumsum(-1)
            ),
            lambda x: x.reshape(2, 4, 64).cumsum(-1),
        ),
    ),
    "written while seen": (SQUARE, of(*map(written_while_seen, range(4)))),
    "relative positions": (
        SEQUENCE,
        [lambda s=s: Weighed(relative_positions(s), (9,)) for s in (2, 3, 4)],
    ),
    "unflattened": (
        (2, 12),
        of(
            lambda x: x.unflatten(1, (3, 4)).softmax(1),
            lambda x: x.unflatten(1, (4, 3)).softmax(1),
            lambda x: x.unflatten(1, (2, 6)).softmax(2),
        ),
    ),
    "alibi": (SEQUENCE, of(bias_of_positions(0.5), bias_of_positions(0.25))),
    "arange": (ROW, of(*(lambda x, s=s: x + torch.arange(0, 8 * s, s) for s in (1, 2)))),
    "as_strided": (
        ROW,
        of(lambda x: x.as_strided((2, 4), (8, 1)), lambda x: x.as_strided((2, 4), (8, 2))),
    ),
    "broadcast": (
        SQUARE,
        of(lambda x: x + x.mean(1)[:, None], lambda x: x + x.mean(1)[:, :, None]),
    ),
    "buffers": (
        ROW,
        [lambda s=s: Buffered(lambda: torch.linspace(0, s, 8), lambda x, c: x * c) for s in (1, 2)],
    ),
    "causal": (
        SEQUENCE,
        masked(lambda: band(8), lambda: torch.ones(8, 8), lambda: torch.ones(8, 8).triu()),
    ),
    "causal, written": (
        SEQUENCE,
        of(
            *(
                lambda x, k=k: (x @ x.mT).masked_fill(
                    torch.ones(8, 8, dtype=torch.bool).triu(k), -9.0
                )
                for k in (0, 1, 4)
            )
        ),
    ),
    "channel shuffle": (IMAGE, of(shuffled(1), shuffled(2), lambda x: shuffled(2)(shuffled(2)(x)))),
    "chunk": (
        SQUARE,
        of(lambda x: x.chunk(2, 1)[0], lambda x: x.chunk(2, 1)[1], lambda x: x.chunk(2, 2)[0]),
    ),
    "concat": (
        SQUARE,
        of(
            lambda x: torch.cat([x, x.relu()], 1),
            lambda x: torch.cat([x, x.relu()], 2),
            lambda x: torch.cat([x.relu(), x], dim=1),
        ),
    ),
    "constants": (
        SQUARE,
        of(
            *(lambda x, v=v: x + torch.full((6, 6), v) for v in (1.0, 2.0)),
            lambda x: x * torch.full((6, 6), 2.0),
        ),
    ),
    "diagonal": (
        SQUARE,
        of(*(lambda x, o=o: torch.diagonal(x, o, 1, 2).sum(1) for o in (0, 1, -1))),
    ),
    "embedding of an index": (
        ROW,
        [
            lambda k=k: Buffered(lambda: torch.arange(8).roll(k), lambda x, i: x[:, i])
            for k in (0, 1, 2)
        ],
    ),
    "expand": (
        SEQUENCE,
        of(
            lambda x: x[:, :, None].expand(2, 8, 2, 4).reshape(2, 16, 4),
            lambda x: x[:, None].expand(2, 2, 8, 4).reshape(2, 16, 4),
        ),
    ),
    "fill": (SQUARE, in_place(*(lambda o, x, v=v: o.fill_(v).add_(x) for v in (1, 2)))),
    "flip": (SQUARE, of(*(lambda x, d=d: x.flip(d) for d in (1, 2)), lambda x: x.flip(1, 2))),
    "fold": (
        (2, 4, 8, 8),
        of(*(lambda x, k=k: F.unfold(x, k, stride=2) for k in ((2, 4), (4, 2)))),
    ),
    "gather": (
        SQUARE,
        of(*(lambda x, k=k: x.gather(1, torch.arange(6).roll(k).expand(2, 1, 6)) for k in (0, 1))),
    ),
    "halves": (SQUARE, of(first_half, second_half)),
    "head split": (SEQUENCE, of(heads(1), heads(2), heads(4), heads(2, split_last=False))),
    "index_add": (
        SQUARE,
        of(*(lambda x, k=k: x.index_add(1, torch.tensor([0, k]), x[:, :2]) for k in (1, 2))),
    ),
    "index_copy": (
        SQUARE,
        of(
            *(lambda x, k=k: x.index_copy(1, torch.tensor([0, k]), x.relu()[:, :2]) for k in (1, 2))
        ),
    ),
    "index_select": (
        SQUARE,
        of(
            *(lambda x, k=k: x.index_select(1, torch.tensor([0, k])) for k in (1, 2)),
            lambda x: x.index_select(2, torch.tensor([0, 1])).mT,
        ),
    ),
    "movedim": (
        (2, 3, 3, 3),
        of(
            lambda x: x.movedim(1, 2),
            lambda x: x.movedim(1, 3),
            lambda x: x.movedim((1, 2), (2, 3)),
            lambda x: x.permute(0, 3, 2, 1),
        ),
    ),
    "narrow": (
        SQUARE,
        of(
            lambda x: x.narrow(1, 0, 2), lambda x: x.narrow(1, 2, 2), lambda x: x.narrow(2, 0, 2).mT
        ),
    ),
    "pad": (
        IMAGE,
        of(
            lambda x: F.pad(x, (1, 0)),
            lambda x: F.pad(x, (0, 1)),
            lambda x: F.pad(x, (1, 0), value=1.0),
            lambda x: F.pad(x, (1, 0, 0, 0), mode="reflect"),
        ),
    ),
    "permute": (
        (2, 4, 4, 4),
        of(
            lambda x: x.permute(0, 2, 1, 3),
            lambda x: x.permute(0, 1, 3, 2),
            lambda x: x.permute(0, 3, 1, 2),
            lambda x: x,
        ),
    ),
    "pixel shuffle": (IMAGE, of(lambda x: F.pixel_shuffle(x, 2), lambda x: x.view(2, 1, 16, 16))),
    "repeat": (SQUARE, of(lambda x: x.repeat(1, 2, 1), lambda x: x.repeat_interleave(2, 1))),
    "reshape": (
        (2, 4, 6),
        of(
            lambda x: x.view(2, 6, 4).softmax(1),
            lambda x: x.view(2, 2, 12).softmax(1),
            lambda x: x.view(2, 2, 2, 6).softmax(1).cumsum(2),
        ),
    ),
    "roll": (SQUARE, of(lambda x: x.roll(1, 1), lambda x: x.roll(2, 1), lambda x: x.roll(1, 2))),
    "rotation": (
        IMAGE,
        of(lambda x: torch.rot90(x, 1, (2, 3)), lambda x: torch.rot90(x, 2, (2, 3))),
    ),
    "scatter": (
        SQUARE,
        of(
            *(
                lambda x, k=k: torch.zeros_like(x).scatter(
                    1, torch.arange(6).roll(k)[:, None].expand(2, 6, 6), x
                )
                for k in (0, 1)
            )
        ),
    ),
    "select": (
        SQUARE,
        of(lambda x: x.select(1, 0), lambda x: x.select(1, 1), lambda x: x.select(2, 0)),
    ),
    "sharing": (
        ROW,
        [lambda o=o: Layers(o) for o in ((0, 1, 0, 1), (0, 1, 1, 0), (0, 0, 1, 1), (0, 1, 0, 0))],
    ),
    "slices": (
        SQUARE,
        of(lambda x: x[:, ::2], lambda x: x[:, 1::2], lambda x: x[..., :3].mT, lambda x: x[:, 3:]),
    ),
    "slices, written": (
        SQUARE,
        in_place(
            assign((slice(None), slice(0, 3)), lambda x: x[:, :3].relu()),
            assign((slice(None), slice(3, 6)), lambda x: x[:, :3].relu()),
            assign((slice(None), slice(0, 3)), lambda x: x[:, :3].tanh()),
            assign((slice(None), 2), lambda x: x[:, 0]),
            assign((slice(None), 2), lambda x: 1.5),
            assign((slice(None), torch.tensor([0, 2])), lambda x: x[:, :2]),
            assign((slice(None), torch.tensor([0, 3])), lambda x: x[:, :2]),
            lambda o, x: o[:, :2].copy_(x[:, :2]),
            lambda o, x: o[:, 1:3].copy_(x[:, :2]),
            lambda o, x: o.narrow(1, 3, 2).add_(x[:, :2]),
            lambda o, x: o.mT[:, :2].copy_(x[:, :2]),
            lambda o, x: o.index_copy_(1, torch.tensor([4, 2]), x[:, :2]),
            lambda o, x: o.masked_fill_(x > 0.3, 1.0),
            lambda o, x: torch.mul(x, 3, out=o),
        ),
    ),
    "sort": (
        SQUARE,
        of(
            *(lambda x, d=d: x.sort(d)[0] for d in (1, 2)),
            lambda x: x.sort(1, descending=True).values,
        ),
    ),
    "split": (
        SQUARE,
        of(
            lambda x: x.split([2, 4], 1)[0],
            lambda x: x.split([4, 2], 1)[1],
            lambda x: x.split(2, 1)[1],
        ),
    ),
    "squeeze and stretch": (
        SQUARE,
        of(lambda x: x * x.mean(1, keepdim=True), lambda x: x * x.mean(2, keepdim=True)),
    ),
    "stack": (
        SQUARE,
        of(
            lambda x: torch.stack([x, x.relu()], 1),
            lambda x: torch.stack([x, x.relu()], 3),
            lambda x: torch.stack([x.relu(), x], 1),
        ),
    ),
    "topk": (
        SQUARE,
        of(
            lambda x: x.topk(2, 1)[0],
            lambda x: x.topk(2, 1)[1].float(),
            lambda x: x.topk(2, 1, largest=False)[0],
        ),
    ),
    "transpose": (SQUARE, of(lambda x: x, lambda x: x.mT, lambda x: x.mT + x)),
    "triangles": (SQUARE, of(*(lambda x, k=k: x.tril(k) for k in (-1, 0, 1)), lambda x: x.triu())),
    "tuples": (SQUARE, of(lambda x: (x.relu(), x.tanh()), lambda x: (x.tanh(), x.relu()))),
    "unbind": (
        (2, 3, 6),
        of(
            lambda x: x.unbind(1)[0],
            lambda x: x.unbind(1)[2],
            lambda x: torch.sub(*x.unbind(1)[:2]),
            lambda x: torch.sub(*x.unbind(1)[1:]),
        ),
    ),
    "where": (
        SQUARE,
        [
            lambda s=s: Buffered(
                lambda: torch.arange(6) % s == 0, lambda x, m: torch.where(m, x, 0.0)
            )
            for s in (2, 3)
        ],
    ),
    "windows": (SEQUENCE, masked(*(lambda w=w: band(w) for w in (1, 2, 4, 8)))),
    "windows, compared": (
        SEQUENCE,
        of(
            *(
                lambda x, w=w: x.cumsum(1).masked_fill((torch.arange(8)[:, None] < w), 0.0)
                for w in (2, 4, 6)
            )
        ),
    ),
}
"""A name -> the shape of an example, and networks of which no two compute the same."""
