"""Small networks in variants that compute different things, a table over torch's functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

Function = Callable[..., Any]
Make = Callable[[], nn.Module]

SQUARE, SEQUENCE, IMAGE, ROW = (2, 6, 6), (2, 8, 4), (2, 4, 8, 8), (2, 8)


class Wired(nn.Module):
    """A network out of a function of its inputs."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *x: Tensor) -> Any:
        return self.function(*x)


class Buffered(nn.Module):
    """A network out of a function of its input and of a constant that it keeps."""

    def __init__(self, constant: Callable[[], Tensor], function: Function) -> None:
        super().__init__()
        self.register_buffer("constant", constant())
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.constant)


class Weighed(nn.Module):
    """A network out of a function of its input and of parameters."""

    def __init__(self, function: Function, *shapes: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(*shape)) for shape in shapes)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.weights)


def of(*functions: Function) -> list[Make]:
    """A network of each function."""
    return [lambda function=function: Wired(function) for function in functions]


def each(kind: Callable[..., nn.Module], *arguments: dict[str, Any], **shared: Any) -> list[Make]:
    """A module with each set of arguments."""
    return [lambda own=own: kind(**shared, **own) for own in arguments]


def masked(*masks: Callable[[], Tensor]) -> list[Make]:
    """Attention scores under each mask, kept as a buffer."""

    def attend(x: Tensor, mask: Tensor) -> Tensor:
        scores = (x @ x.mT).masked_fill(mask == 0, -math.inf)
        return scores.softmax(-1) @ x

    return [lambda mask=mask: Buffered(mask, attend) for mask in masks]


def band(width: int) -> Tensor:
    """Ones where a query sees the last ``width`` keys."""
    return torch.ones(8, 8).tril().triu(1 - width)


def in_place(*fills: Callable[[Tensor, Tensor], object]) -> list[Make]:
    """Zeros into which something is written."""

    def written(fill: Callable[[Tensor, Tensor], object]) -> Function:
        def run(x: Tensor) -> Tensor:
            out = torch.zeros_like(x)
            fill(out, x)
            return out

        return run

    return of(*map(written, fills))


def assign(index: Any, value: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], object]:
    """``out[index] = value(x)``."""
    return lambda out, x: out.__setitem__(index, value(x))


def shuffled(groups: int) -> Function:
    """A channel shuffle."""

    def run(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        mixed = x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)
        return mixed * torch.arange(c).view(c, 1, 1)

    return run


def heads(count: int, split_last: bool = True) -> Function:
    """Self-attention of several heads, written out."""

    def run(x: Tensor) -> Tensor:
        n, t, d = x.shape
        if split_last:
            q = x.view(n, t, count, d // count).transpose(1, 2)
        else:
            q = x.view(n, t, d // count, count).permute(0, 3, 1, 2)
        return ((q @ q.mT).softmax(-1) @ q).transpose(1, 2).reshape(n, t, d)

    return run


def first_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return a.sigmoid() * b


def second_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return a * b.sigmoid()


class Layers(nn.Module):
    """One of several linear maps for each step."""

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(8, 8) for _ in range(max(order) + 1))
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        for i in self.order:
            x = self.maps[i](x).relu()
        return x


class Recurrent(nn.Module):
    """What one of the outputs of a recurrent layer shows."""

    def __init__(self, kind: Callable[..., nn.Module], look: Function, **arguments: Any) -> None:
        super().__init__()
        self.cells, self.look = kind(4, 4, **arguments), look

    def forward(self, x: Tensor) -> Any:
        return self.look(self.cells(x))


class Precise(nn.Module):
    """A linear map in one type of numbers."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.map = nn.Linear(8, 8).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.map(x.to(self.map.weight.dtype))
        return y.float()


def bias_of_positions(slope: float) -> Function:
    def run(x: Tensor) -> Tensor:
        places = torch.arange(8)
        distance = (places[None] - places[:, None]).abs()
        return (x @ x.mT - slope * distance).softmax(-1) @ x

    return run


VARIANTS: dict[str, tuple[tuple[int, ...], list[Make]]] = {
    "abs": (SQUARE, of(lambda x: x.abs(), lambda x: x)),
    "adaptive pool": (
        IMAGE,
        each(nn.AdaptiveAvgPool2d, {"output_size": (2, 4)}, {"output_size": (4, 2)}),
    ),
    "add alpha": (
        SQUARE,
        of(*(lambda x, a=a: torch.add(x, x.relu(), alpha=a) for a in (1, 2, -1))),
    ),
    "addcmul": (
        SQUARE,
        of(
            *(lambda x, v=v: torch.addcmul(x, x.relu(), x.tanh(), value=v) for v in (1, 2)),
            lambda x: torch.addcmul(x.relu(), x, x.tanh()),
        ),
    ),
    "alibi": (SEQUENCE, of(bias_of_positions(0.5), bias_of_positions(0.25))),
    "amax": (SQUARE, of(*(lambda x, d=d: x.amax(d) for d in (1, 2)), lambda x: x.amin(1))),
    "arange": (ROW, of(*(lambda x, s=s: x + torch.arange(0, 8 * s, s) for s in (1, 2)))),
    "argsort": (SQUARE, of(*(lambda x, d=d: x.argsort(1, descending=d) for d in (True, False)))),
    "as_strided": (
        ROW,
        of(lambda x: x.as_strided((2, 4), (8, 1)), lambda x: x.as_strided((2, 4), (8, 2))),
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
    "baddbmm": (
        SQUARE,
        of(
            *(
                lambda x, b=b: torch.baddbmm(x, batch1=x.relu(), batch2=x.tanh(), beta=b)
                for b in (1, 2)
            ),
            lambda x: x.baddbmm(x.tanh(), x.relu()),
            lambda x: x.relu().baddbmm(x, x.tanh()),
        ),
    ),
    "batch norm": (
        IMAGE,
        each(nn.BatchNorm2d, {}, {"eps": 0.1}, {"track_running_stats": False}, num_features=4),
    ),
    "bilinear interpolation": (
        IMAGE,
        of(
            *(
                lambda x, a=a: F.interpolate(x, (4, 6), mode="bilinear", align_corners=a)
                for a in (True, False)
            ),
            lambda x: F.interpolate(x, (6, 4), mode="bilinear"),
        ),
    ),
    "bounds": (
        SQUARE,
        of(
            lambda x: x.clamp(0, 1),
            lambda x: x.clamp(0),
            lambda x: x.clamp(max=1),
            lambda x: x.clamp(min=-1),
        ),
    ),
    "broadcast": (
        SQUARE,
        of(lambda x: x + x.mean(1)[:, None], lambda x: x + x.mean(1)[:, :, None]),
    ),
    "buffers": (
        ROW,
        [lambda s=s: Buffered(lambda: torch.linspace(0, s, 8), lambda x, c: x * c) for s in (1, 2)],
    ),
    "cast": (
        SQUARE,
        of(lambda x: (3 * x).long().float(), lambda x: 3 * x, lambda x: (3 * x).bool().float()),
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
    "celu": (SQUARE, each(nn.CELU, {}, {"alpha": 2.0})),
    "channel shuffle": (IMAGE, of(shuffled(1), shuffled(2), lambda x: shuffled(2)(shuffled(2)(x)))),
    "chunk": (
        SQUARE,
        of(lambda x: x.chunk(2, 1)[0], lambda x: x.chunk(2, 1)[1], lambda x: x.chunk(2, 2)[0]),
    ),
    "comparisons": (
        SQUARE,
        of(
            *(lambda x, o=o: torch.where(getattr(x, o)(0.1), x, 0.0) for o in ("gt", "lt")),
            lambda x: torch.where(x > 0.2, x, 0.0),
        ),
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
    "cosine similarity": (
        SQUARE,
        of(*(lambda x, d=d: F.cosine_similarity(x, x.relu(), dim=d) for d in (1, 2))),
    ),
    "cumsum": (SQUARE, of(*(lambda x, d=d: x.cumsum(d) for d in (1, 2)), lambda x: x.cumprod(1))),
    "diagonal": (
        SQUARE,
        of(*(lambda x, o=o: torch.diagonal(x, o, 1, 2).sum(1) for o in (0, 1, -1))),
    ),
    "diff": (SQUARE, of(*(lambda x, n=n: torch.diff(x, n, 1).mean(1) for n in (1, 2)))),
    "einsum": (
        SQUARE,
        of(
            *(
                lambda x, e=e: torch.einsum(e, x, x)
                for e in ("bij,bjk->bik", "bij,bkj->bik", "bji,bjk->bik")
            )
        ),
    ),
    "elu": (SQUARE, each(nn.ELU, {}, {"alpha": 0.5})),
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
    "halves": (SQUARE, of(first_half, second_half)),
    "hardshrink": (SQUARE, each(nn.Hardshrink, {}, {"lambd": 0.1})),
    "hardtanh": (
        SQUARE,
        each(
            nn.Hardtanh, {}, {"max_val": 0.5}, {"min_val": -0.5}, {"min_val": 0.0, "max_val": 0.5}
        ),
    ),
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
    "lerp": (
        SQUARE,
        of(
            *(lambda x, w=w: torch.lerp(x, x.relu(), w) for w in (0.2, 0.4)),
            lambda x: torch.lerp(x.relu(), x, 0.2),
        ),
    ),
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
    "logsumexp": (SQUARE, of(*(lambda x, d=d: x.logsumexp(d) for d in (1, 2)))),
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
    "max": (
        SQUARE,
        of(lambda x: x.max(1)[0], lambda x: x.max(1)[1].float(), lambda x: x.max(2).values),
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
    "mean": (
        SQUARE,
        of(
            lambda x: x.mean(1),
            lambda x: x.mean(2),
            lambda x: x.mean(axis=1) * 2,
            lambda x: x.mean((1, 2)),
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
    "multi-head attention": (
        SEQUENCE,
        [
            lambda a=a, h=h: Attended(h, **a)
            for h in (1, 2)
            for a in ({}, {"add_zero_attn": True}, {"add_bias_kv": True})
        ],
    ),
    "nan_to_num": (SQUARE, of(*(lambda x, v=v: x.log().nan_to_num(v) for v in (0.0, 1.0)))),
    "narrow": (
        SQUARE,
        of(
            lambda x: x.narrow(1, 0, 2), lambda x: x.narrow(1, 2, 2), lambda x: x.narrow(2, 0, 2).mT
        ),
    ),
    "norm": (
        SQUARE,
        of(
            lambda x: x.norm(dim=1),
            lambda x: x.norm(dim=2),
            lambda x: x.norm(p=1, dim=1),
            lambda x: torch.linalg.vector_norm(x, 3, dim=1),
        ),
    ),
    "normalize": (
        SQUARE,
        of(
            *(lambda x, d=d: F.normalize(x, dim=d) for d in (1, 2)),
            lambda x: F.normalize(x, p=1.0, dim=1),
        ),
    ),
    "one hot": (
        ROW,
        of(*(lambda x, k=k: F.one_hot((x.sigmoid() * k).long(), 4).float() for k in (3, 4))),
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
    "parameters along": (
        SQUARE,
        [lambda s=s: Weighed(lambda x, w: x * w, s) for s in ((6,), (6, 1))],
    ),
    "parameters, functions of": (
        SQUARE,
        [
            lambda f=f: Weighed(lambda x, w: F.linear(x, f(w)), (6, 6))
            for f in (
                lambda w: w,
                lambda w: w.T,
                lambda w: w.softmax(0),
                lambda w: w.softmax(1),
                lambda w: w.relu(),
            )
        ],
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
    "positions": (SQUARE, of(lambda x: x.sin(), lambda x: x.cos())),
    "pow": (SQUARE, of(lambda x: x.abs() ** 2, lambda x: x.abs() ** 3, lambda x: 2 ** x.abs())),
    "precision": (
        ROW,
        [lambda d=d: Precise(d) for d in (torch.float32, torch.bfloat16, torch.float16)],
    ),
    "products of parameters": (
        SQUARE,
        [lambda: Weighed(lambda x, w: x @ w, (6, 6)), lambda: Weighed(lambda x, w: w @ x, (6, 6))],
    ),
    "quantile": (SQUARE, of(*(lambda x, q=q: x.quantile(q, 1) for q in (0.3, 0.5)))),
    "repeat": (SQUARE, of(lambda x: x.repeat(1, 2, 1), lambda x: x.repeat_interleave(2, 1))),
    "reshape": (
        (2, 4, 6),
        of(
            lambda x: x.view(2, 6, 4).softmax(1),
            lambda x: x.view(2, 2, 12).softmax(1),
            lambda x: x.view(2, 2, 2, 6).softmax(1).cumsum(2),
        ),
    ),
    "rms norm": (SQUARE, each(nn.RMSNorm, {}, {"eps": 0.1}, normalized_shape=6)),
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
    "softmax": (SQUARE, each(nn.Softmax, {"dim": 1}, {"dim": 2})),
    "softplus": (SQUARE, each(nn.Softplus, {}, {"beta": 2.0}, {"threshold": 0.1})),
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
    "std": (
        SQUARE,
        of(
            lambda x: x.std(1),
            lambda x: x.std(2),
            lambda x: x.std(1, unbiased=False),
            lambda x: x.var(1),
        ),
    ),
    "subtraction": (
        SQUARE,
        of(
            lambda x: x.relu() - x.tanh(),
            lambda x: x.tanh() - x.relu(),
            lambda x: 1 - x,
            lambda x: x - 1,
        ),
    ),
    "sum": (SQUARE, of(lambda x: x.sum(1), lambda x: x.sum(2), lambda x: x.sum((1, 2)))),
    "threshold": (SQUARE, each(nn.Threshold, {"value": 0.0}, {"value": 0.3}, threshold=0.2)),
    "topk": (
        SQUARE,
        of(
            lambda x: x.topk(2, 1)[0],
            lambda x: x.topk(2, 1)[1].float(),
            lambda x: x.topk(2, 1, largest=False)[0],
        ),
    ),
    "transpose": (SQUARE, of(lambda x: x, lambda x: x.mT, lambda x: x.mT + x)),
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


class Attended(nn.Module):
    """Self-attention."""

    def __init__(self, heads: int, **arguments: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, heads, batch_first=True, **arguments)
        for name in ("bias_k", "bias_v"):
            if getattr(self.attention, name) is not None:
                nn.init.normal_(getattr(self.attention, name))

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]  # type: ignore[no-any-return]  # torch's


EQUAL: dict[str, tuple[tuple[int, ...], list[Make]]] = {
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
"""A name -> the shape of an example, and ways to write one network."""


class TimeFirst(nn.Module):
    """A recurrent layer between two transpositions."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cells(x.transpose(0, 1))[0]
        return y.transpose(0, 1)
