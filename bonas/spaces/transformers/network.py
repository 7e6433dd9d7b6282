"""The network of a transformer plan: pre-norm layers with rotary positions.

Queries and keys are turned by angles that grow with the position, so that a product of the two
depends on how far they are apart; a sequence may have any length.

A router's shares are a softmax over all experts, of which the largest are taken and not scaled to
one again: with a single expert per token, that would leave the router no gradient. No loss balances
the experts, and no token is dropped.

Sources: Xiong et al. (2020), "On layer normalization in the transformer architecture", ICML; Su et
al. (2024), "RoFormer: Enhanced transformer with rotary position embedding", Neurocomputing;
Shazeer (2020), "GLU variants improve transformer"; Fedus, Zoph and Shazeer (2022), "Switch
transformers", JMLR; Child et al. (2019), "Generating long sequences with sparse transformers".
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention, silu

from bonas.spaces.transformers.embedding import TokenEmbedding
from bonas.spaces.transformers.plan import AttentionPlan, LayerPlan, MLPPlan, TransformerPlan

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "layer_norm": nn.LayerNorm,
    "rms_norm": lambda width: nn.RMSNorm(width, eps=1e-5),
}
"""A norm's name -> a function that builds it for a width."""

_BASE = 10_000.0  # the slowest of the rotary angles turns once in about 60,000 positions

Rotation = tuple[Tensor, Tensor]


def swiglu(x: Tensor) -> Tensor:
    """Return the second half of the numbers, each gated by one of the first."""
    gate, value = x.chunk(2, dim=-1)
    return silu(gate) * value


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu, "swiglu": swiglu}
"""An activation's name -> its function."""


def rotation(length: int, head_dim: int, like: Tensor) -> Rotation:
    """Return cosines and sines, ``length x head_dim / 2``; p B^(-2i/d) is the angle of pair i."""
    exact = torch.promote_types(like.dtype, torch.float32)
    steps = torch.arange(0, head_dim, 2, device=like.device, dtype=exact) / head_dim
    positions = torch.arange(length, device=like.device, dtype=exact)
    angles = torch.outer(positions, _BASE**-steps)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotated(x: Tensor, by: Rotation) -> Tensor:
    """Rotate ``... x length x head_dim``; number i and number i + d / 2 are a pair."""
    (cos, sin), (first, second) = by, x.chunk(2, dim=-1)
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return turned.to(x.dtype)


def window_mask(length: int, window: int, causal: bool, device: torch.device) -> Tensor:
    """Return ``length x length``, True where a query (row) is less than window from a key."""
    positions = torch.arange(length, device=device)
    back = positions.unsqueeze(1) - positions
    return (back < window) & (back > (-1 if causal else -window))


class Attention(nn.Module):
    """Self-attention of ``batch x length x width``; each key and value serves a group of heads."""

    def __init__(self, width: int, plan: AttentionPlan, causal: bool) -> None:
        super().__init__()
        self.plan = plan
        self.causal = causal
        self.project = nn.Linear(width, plan.projected, bias=False)
        self.out = nn.Linear(plan.heads * plan.head_dim, width, bias=False)

    def forward(self, x: Tensor, by: Rotation) -> Tensor:
        plan, length = self.plan, x.shape[1]
        each = self.project(x).unflatten(-1, (-1, plan.head_dim)).transpose(1, 2)
        q, k, v = each.split([plan.heads, plan.kv_heads, plan.kv_heads], dim=1)
        shared = plan.heads // plan.kv_heads
        mask = None
        if plan.window is not None and plan.window < length:
            mask = window_mask(length, plan.window, self.causal, x.device)
        seen = scaled_dot_product_attention(
            rotated(q, by),
            rotated(k, by).repeat_interleave(shared, dim=1),
            v.repeat_interleave(shared, dim=1),
            attn_mask=mask,
            is_causal=self.causal and mask is None,
        )
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out


class Perceptron(nn.Module):
    """One hidden layer for each token."""

    def __init__(self, width: int, plan: MLPPlan) -> None:
        super().__init__()
        self.widen = nn.Linear(width, plan.widened, bias=False)
        self.activation = ACTIVATIONS[plan.activation]
        self.narrow = nn.Linear(plan.hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.narrow(self.activation(self.widen(x)))
        return out


class Mixture(nn.Module):
    """Several perceptrons, of which a router chooses ``top_k`` for each token."""

    def __init__(self, width: int, plan: MLPPlan) -> None:
        super().__init__()
        self.top_k = plan.top_k
        self.router = nn.Linear(width, plan.experts, bias=False)
        self.experts = nn.ModuleList(Perceptron(width, plan) for _ in range(plan.experts))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, -2)
        shares, chosen = self.router(tokens).softmax(dim=-1).topk(self.top_k, dim=-1)
        total = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == number)  # may be empty
            parts = shares[rows, place].unsqueeze(-1) * expert(tokens.index_select(0, rows))
            total = total.index_add(0, rows, parts.to(total.dtype))
        return total.view_as(x)


class Layer(nn.Module):
    """Attention, then a perceptron or a mixture, each added to its input."""

    def __init__(self, width: int, plan: LayerPlan, norm: str, causal: bool) -> None:
        super().__init__()
        self.before_attention = NORMS[norm](width)
        self.attention = Attention(width, plan.attention, causal)
        self.before_mlp = NORMS[norm](width)
        dense = plan.mlp.experts == 1
        self.mlp = Perceptron(width, plan.mlp) if dense else Mixture(width, plan.mlp)

    def forward(self, x: Tensor, by: Rotation) -> Tensor:
        x = x + self.attention(self.before_attention(x), by)
        out: Tensor = x + self.mlp(self.before_mlp(x))
        return out


class TransformerNetwork(nn.Module):
    """Inputs to scores ``batch x classes``, or of a language model ``batch x length x vocabulary``.

    Raises:
        InvalidData: on inputs of another kind or shape.
    """

    def __init__(self, plan: TransformerPlan) -> None:
        super().__init__()
        self.plan = plan
        self.embedding = plan.embedding.module(plan.width)
        self.layers = nn.ModuleList(
            Layer(plan.width, layer, plan.norm, plan.causal) for layer in plan.layers
        )
        self.norm = NORMS[plan.norm](plan.width)
        self.head = nn.Linear(plan.width, plan.outputs, bias=not plan.causal)
        if plan.tied and isinstance(self.embedding, TokenEmbedding):
            self.head.weight = self.embedding.embedding.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        by = rotation(x.shape[1], self.plan.layers[0].attention.head_dim, x)
        for layer in self.layers:
            x = layer(x, by)
        x = self.norm(x)
        out: Tensor = self.head(x if self.plan.causal else x.mean(dim=1))
        return out
