"""Functions in variants that compute different things."""

from __future__ import annotations

import torch
from small_networks import (
    IMAGE,
    ROW,
    SQUARE,
    Table,
    Weighed,
    of,
)
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

FUNCTIONS: Table = {
    "fourier": (
        SQUARE,
        of(
            lambda x: torch.fft.fft(x).real,
            lambda x: torch.fft.fft(x).imag,
            lambda x: torch.fft.fft(x, dim=1).real,
            lambda x: torch.fft.fft(x, norm="ortho").real,
        ),
    ),
    "division": (
        SQUARE,
        of(
            lambda x: torch.div(x, 0.3, rounding_mode="floor"),
            lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
            lambda x: x / 0.3,
        ),
    ),
    "logic": (
        ROW,
        of(
            lambda x: ((x > 0) & (x < 1)).float(),
            lambda x: ((x > 0) | (x < 1)).float(),
            lambda x: (~(x > 0)).float(),
        ),
    ),
    "nested": (
        SQUARE,
        of(
            lambda x: (x.relu() - x.tanh()) - x.sin(),
            lambda x: x.relu() - (x.tanh() - x.sin()),
        ),
    ),
    "distances": (
        SQUARE,
        of(
            lambda x: torch.cdist(x, x.relu()),
            lambda x: torch.cdist(x.relu(), x),
            lambda x: torch.cdist(x, x.relu(), p=1.0),
        ),
    ),
    "weights, normalised": (
        SQUARE,
        [
            lambda f=f: Weighed(lambda x, w: F.linear(x, f(w)), (6, 6))
            for f in (
                lambda w: F.normalize(w, dim=0),
                lambda w: F.normalize(w, dim=1),
                lambda w: w / w.norm(),
                lambda w: w * 2,
                lambda w: w * 3,
            )
        ],
    ),
    "gates": (
        ROW,
        [
            lambda f=f: Weighed(f, (8, 8), (8, 8))
            for f in (
                lambda x, a, b: F.linear(x, a).sigmoid() * F.linear(x, b),
                lambda x, a, b: F.linear(x, a).sigmoid() * F.linear(x, a),
                lambda x, a, b: (F.linear(x, a) - F.linear(x, b)).relu(),
            )
        ],
    ),
    "abs": (SQUARE, of(lambda x: x.abs(), lambda x: x)),
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
    "amax": (SQUARE, of(*(lambda x, d=d: x.amax(d) for d in (1, 2)), lambda x: x.amin(1))),
    "argsort": (SQUARE, of(*(lambda x, d=d: x.argsort(1, descending=d) for d in (True, False)))),
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
    "cast": (
        SQUARE,
        of(lambda x: (3 * x).long().float(), lambda x: 3 * x, lambda x: (3 * x).bool().float()),
    ),
    "comparisons": (
        SQUARE,
        of(
            *(lambda x, o=o: torch.where(getattr(x, o)(0.1), x, 0.0) for o in ("gt", "lt")),
            lambda x: torch.where(x > 0.2, x, 0.0),
        ),
    ),
    "cosine similarity": (
        SQUARE,
        of(*(lambda x, d=d: F.cosine_similarity(x, x.relu(), dim=d) for d in (1, 2))),
    ),
    "cumsum": (SQUARE, of(*(lambda x, d=d: x.cumsum(d) for d in (1, 2)), lambda x: x.cumprod(1))),
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
    "lerp": (
        SQUARE,
        of(
            *(lambda x, w=w: torch.lerp(x, x.relu(), w) for w in (0.2, 0.4)),
            lambda x: torch.lerp(x.relu(), x, 0.2),
        ),
    ),
    "logsumexp": (SQUARE, of(*(lambda x, d=d: x.logsumexp(d) for d in (1, 2)))),
    "max": (
        SQUARE,
        of(lambda x: x.max(1)[0], lambda x: x.max(1)[1].float(), lambda x: x.max(2).values),
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
    "nan_to_num": (SQUARE, of(*(lambda x, v=v: x.log().nan_to_num(v) for v in (0.0, 1.0)))),
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
    "positions": (SQUARE, of(lambda x: x.sin(), lambda x: x.cos())),
    "pow": (SQUARE, of(lambda x: x.abs() ** 2, lambda x: x.abs() ** 3, lambda x: 2 ** x.abs())),
    "products of parameters": (
        SQUARE,
        [lambda: Weighed(lambda x, w: x @ w, (6, 6)), lambda: Weighed(lambda x, w: w @ x, (6, 6))],
    ),
    "quantile": (SQUARE, of(*(lambda x, q=q: x.quantile(q, 1) for q in (0.3, 0.5)))),
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
}
"""A name -> the shape of an example, and networks of which no two compute the same."""
