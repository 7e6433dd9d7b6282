"""Weights that transformers share: a tensor per layer and role, with heads and halves as blocks.

    queries; keys       h x 2 x d/2 x width;  g x 2 x d/2 x width    h heads, g keys and values,
    values; out         g x d x width;  width x h x d                d numbers each
    widen; of swiglu    hidden x width;  2 x hidden x width
    router; experts     experts x width;  a perceptron per number

A smaller network has the first heads, the first units, the first numbers of a token's vector. A
layer holds queries, keys and values in one matrix, whose first rows would be the queries of one
network taken for the keys of another; so they are three pieces.

Rotary positions turn number i of a head together with number i + d/2, by an angle B^(-2i/d) per
position. Where each head dimension divides the next larger one, the pairs of a smaller head d' are
every (d/d')-th pair of the larger, which turn as fast: pairs are a grid of d'/2 x d/d', of which
the smaller head has the first column. Elsewhere it has the first pairs.

Kinds of norm have tensors of their own. So have perceptrons with ``swiglu``, whose units are
products of two; those with ``gelu`` and ``relu`` share. A router weighs what experts give, so a
dense perceptron is no expert, and has tensors of its own. Windows and ``top_k`` have no weights.

Sources: Chen et al. (2021), "AutoFormer: Searching transformers for visual recognition", ICCV
(weight entanglement); Su et al. (2024), "RoFormer: Enhanced transformer with rotary position
embedding", Neurocomputing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.transformers import TransformerSpace
from bonas.spaces.transformers.plan import AttentionPlan, MLPPlan
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece

_NORMS = ("before_attention", "before_mlp", "norm")


def transformer_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a transformer."""
    assert isinstance(space, TransformerSpace)
    plan = space.plan(choices)
    pairs = pairs_of_head(plan.layers[0].attention.head_dim, space.head_dims)

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        key, shape = name, tuple(parameter.shape)
        match name.split("."):
            case ["layers", i, "attention", "project", _]:
                attention = plan.layers[int(i)].attention
                return _projections(f"layers.{i}.attention", attention, pairs, plan.width)
            case ["layers", i, "attention", "out", _]:
                attention = plan.layers[int(i)].attention
                shape = (plan.width, attention.heads, attention.head_dim)
            case ["layers", i, "mlp", *role] if "router" not in role:
                return (_of_perceptron(f"layers.{i}.mlp", plan.layers[int(i)].mlp, role, shape),)
            case [*place, norm, last] if norm in _NORMS:
                key = ".".join([*place, norm, plan.norm, last])
        return (Piece(key, shape),)

    return pieces


def pairs_of_head(head_dim: int, head_dims: Sequence[int]) -> tuple[int, ...]:
    """Return a head's rotary pairs as a grid, in which pairs that turn as fast have one place.

    >>> pairs_of_head(16, (8, 16, 64)), pairs_of_head(64, (8, 16, 64))
    ((4, 2, 1), (4, 2, 4))
    >>> pairs_of_head(12, (8, 12))
    (6,)
    """
    ordered = sorted(head_dims)
    if any(larger % smaller for smaller, larger in pairwise(ordered)):
        return (head_dim // 2,)
    steps = (b // a if b <= head_dim else 1 for a, b in pairwise(ordered))
    return (ordered[0] // 2, *steps)


def _projections(
    place: str, plan: AttentionPlan, pairs: tuple[int, ...], width: int
) -> tuple[Piece, ...]:
    """Return queries, keys and values, as the rows of the projection follow each other."""
    return (
        Piece(f"{place}.queries", (plan.heads, 2, *pairs, width)),
        Piece(f"{place}.keys", (plan.kv_heads, 2, *pairs, width)),
        Piece(f"{place}.values", (plan.kv_heads, plan.head_dim, width)),
    )


def _of_perceptron(place: str, plan: MLPPlan, role: Sequence[str], shape: tuple[int, ...]) -> Piece:
    """Return a linear map of a perceptron, alone or of an expert."""
    gated = plan.activation == "swiglu"
    if gated and "widen" in role:
        shape = (2, plan.hidden, shape[1])
    return Piece(".".join([place, "gated" if gated else "plain", *role]), shape)
