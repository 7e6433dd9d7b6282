"""Transformer networks: attention, rotations, mixtures, causality."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from built_networks import drawn, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from small_transformers import TEXT, UNTIED, examples, whole
from torch import Tensor

from bonas.spaces.transformers.network import (
    Attention,
    Mixture,
    Perceptron,
    rotated,
    rotation,
    swiglu,
)
from bonas.spaces.transformers.plan import AttentionPlan, MLPPlan
from bonas.spaces.transformers.space import TransformerSpace


@settings(max_examples=100)
@given(st.sampled_from([TEXT, UNTIED]), seeds, st.integers(0, 5))
def test_a_language_model_sees_no_later_token(
    space: TransformerSpace, seed: int, place: int
) -> None:
    torch.manual_seed(seed)
    network, ids = space.build(drawn(space, seed)), examples(space, 1)
    changed = ids.clone()
    changed[:, place] = (changed[:, place] + 1) % 7
    one, other = network(ids), network(changed)
    torch.testing.assert_close(one[:, :place], other[:, :place])
    assert not torch.allclose(one[:, place], other[:, place])


@settings(max_examples=50)
@given(seeds, st.sampled_from([2, 3]), st.sampled_from([1, 2]), st.integers(0, 5))
def test_a_token_outside_the_window_has_no_influence(
    seed: int, window: int, depth: int, place: int
) -> None:
    """Each layer looks ``window - 1`` tokens back, and so far ahead if it classifies."""
    torch.manual_seed(seed)
    reach = depth * (window - 1)
    for causal in (True, False):
        plan = AttentionPlan(2, 2, 4, window)
        layers = [Attention(8, plan, causal) for _ in range(depth)]
        x = torch.randn(1, 6, 8)
        changed = x.clone()
        changed[:, place] += torch.randn(8)
        one, other = x, changed
        for layer in layers:
            one, other = (layer(y, rotation(6, 4, x)) for y in (one, other))
        differs = ((one - other).abs() > 1e-6).any(dim=-1)[0].tolist()
        expected = [(-reach if not causal else 0) <= i - place <= reach for i in range(6)]
        assert differs == expected


def test_a_window_that_is_searched_is_in_the_network() -> None:
    torch.manual_seed(0)
    choices = whole(TEXT, attention="sliding_window", window=2)
    network, ids = TEXT.build(choices), examples(TEXT, 1)
    changed = ids.clone()
    changed[:, 1] = (changed[:, 1] + 1) % 7
    differs = (network(ids) - network(changed)).abs().amax(dim=(0, 2)) > 1e-6
    assert differs.tolist() == [False, True, True, False, False, False]


def attended(layer: Attention, x: Tensor) -> Tensor:
    """Return the attention of ``length x width``, query by query and head by head."""
    plan, n, d = layer.plan, len(x), layer.plan.head_dim
    by = rotation(n, d, x)
    each = layer.project(x).reshape(n, -1, d)
    queries, keys = each[:, : plan.heads], each[:, plan.heads : plan.heads + plan.kv_heads]
    values = each[:, plan.heads + plan.kv_heads :]
    rows = []
    for i in range(n):
        parts = []
        for head in range(plan.heads):
            group = head * plan.kv_heads // plan.heads
            q = rotated(queries[:, head], by)[i]
            k = rotated(keys[:, group], by)
            seen = [
                j
                for j in range(n)
                if (j <= i or not layer.causal) and abs(i - j) < (plan.window or n)
            ]
            shares = torch.softmax(k[seen] @ q / d**0.5, dim=0)
            parts.append(shares @ values[seen, group])
        rows.append(layer.out(torch.cat(parts)))
    return torch.stack(rows)


@settings(max_examples=60)
@given(seeds, st.sampled_from([1, 2, 4]), st.sampled_from([None, 1, 3]), st.booleans())
def test_attention_is_its_formula(
    seed: int, kv_heads: int, window: int | None, causal: bool
) -> None:
    torch.manual_seed(seed)
    layer, x = Attention(6, AttentionPlan(4, kv_heads, 4, window), causal), torch.randn(5, 6)
    one = layer(x.unsqueeze(0), rotation(5, 4, x))[0]
    torch.testing.assert_close(one, attended(layer, x))


@given(seeds)
@settings(max_examples=20)
def test_grouped_queries_with_repeated_keys_are_many_heads(seed: int) -> None:
    """And with as many keys as queries they are the same network, so that weights fit."""
    torch.manual_seed(seed)
    many = Attention(8, AttentionPlan(4, 4, 2), causal=True)
    grouped = Attention(8, AttentionPlan(4, 2, 2), causal=True)
    q, k, v = torch.split(grouped.project.weight, [8, 4, 4])
    repeated = [part.reshape(2, 2, 8).repeat_interleave(2, dim=0).reshape(8, 8) for part in (k, v)]
    many.load_state_dict(
        {"project.weight": torch.cat([q, *repeated]), "out.weight": grouped.out.weight}
    )
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(many(x, rotation(5, 2, x)), grouped(x, rotation(5, 2, x)))

    plain = TEXT.build(whole(TEXT, heads=4, attention="multi_head"))
    equal = TEXT.build(whole(TEXT, heads=4, attention="grouped_query", kv_heads=4))
    equal.load_state_dict(plain.state_dict())
    ids = examples(TEXT, 2)
    assert torch.equal(plain(ids), equal(ids))


def test_a_rotation_multiplies_complex_numbers_by_powers_of_the_unit_circle() -> None:
    x = torch.randn(3, 5, 4)
    steps = torch.tensor([1.0, 10_000**-0.5])
    turns = torch.polar(torch.ones(5, 2), torch.outer(torch.arange(5.0), steps))
    turned = torch.complex(x[..., :2], x[..., 2:]) * turns
    expected = torch.cat([turned.real, turned.imag], dim=-1)
    torch.testing.assert_close(rotated(x, rotation(5, 4, x)), expected)


@given(seeds, st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=50)
def test_products_after_a_rotation_depend_on_the_distance_only(
    seed: int, i: int, j: int, shift: int
) -> None:
    torch.manual_seed(seed)
    q, k = torch.randn(2, 1, 6, dtype=torch.float64)
    turn = rotation(41, 6, q)
    at = [rotated(x.expand(41, 6), turn) for x in (q, k)]
    torch.testing.assert_close(at[0][i] @ at[1][j], at[0][i + shift] @ at[1][j + shift])


def test_swiglu_by_hand() -> None:
    # silu(2) x 3 and silu(0) x 5; silu(2) = 2 / (1 + exp(-2))
    expected = torch.tensor([2 / (1 + np.exp(-2.0)) * 3, 0.0], dtype=torch.float64)
    x = torch.tensor([2.0, 0.0, 3.0, 5.0], dtype=torch.float64)
    torch.testing.assert_close(swiglu(x), expected)


@settings(max_examples=50)
@given(seeds, st.sampled_from(["gelu", "swiglu"]), st.sampled_from([1, 2, 3]))
def test_a_mixture_is_the_weighted_sum_of_the_best_experts(
    seed: int, activation: str, top_k: int
) -> None:
    torch.manual_seed(seed)
    mixture, x = Mixture(4, MLPPlan(5, activation, 3, top_k)), torch.randn(2, 3, 4)
    out = mixture(x)
    for token, got in zip(x.reshape(-1, 4), out.reshape(-1, 4), strict=True):
        shares = torch.softmax(mixture.router.weight @ token, dim=0).tolist()
        best = sorted(range(3), key=lambda i: -shares[i])[:top_k]
        expected = sum(shares[i] * mixture.experts[i](token) for i in best)
        torch.testing.assert_close(got, expected)


def test_a_mixture_of_one_is_the_dense_perceptron() -> None:
    torch.manual_seed(0)
    dense, mixture = Perceptron(4, MLPPlan(5, "gelu")), Mixture(4, MLPPlan(5, "gelu"))
    mixture.experts[0].load_state_dict(dense.state_dict())
    x = torch.randn(2, 3, 4)
    assert torch.equal(mixture(x), dense(x))


@pytest.mark.parametrize("top_k", [1, 2])
def test_the_router_s_gradient_is_that_of_finite_differences(top_k: int) -> None:
    """Also with one expert per token, where shares that sum to one would give it none."""
    torch.manual_seed(0)
    mixture = Mixture(4, MLPPlan(5, "gelu", 3, top_k)).double()
    x = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)

    def of_router(x: Tensor, weight: Tensor) -> Any:
        return torch.func.functional_call(mixture, {"router.weight": weight}, (x,))

    weight = mixture.router.weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(of_router, (x, weight))
    of_router(x, weight).sum().backward()
    assert weight.grad is not None
    assert float(weight.grad.abs().max()) > 1e-3


def test_an_expert_without_a_token_gets_a_gradient_of_zero() -> None:
    torch.manual_seed(0)
    mixture = Mixture(4, MLPPlan(5, "gelu", 3, 1))
    with torch.no_grad():
        mixture.router.weight.copy_(torch.tensor([[9.0] * 4, [0.0] * 4, [-9.0] * 4]))
    mixture(torch.rand(2, 3, 4) + 0.1).sum().backward()
    largest = [
        max(float(p.grad.abs().max()) for p in expert.parameters() if p.grad is not None)
        for expert in mixture.experts
    ]
    assert largest[0] > 0
    assert largest[1:] == [0, 0]


@pytest.mark.parametrize("length", [1, 4, 11])
def test_a_sequence_may_have_any_length(length: int) -> None:
    network = TEXT.build(whole(TEXT, attention="sliding_window", window=3))
    assert network(torch.zeros(2, length)).shape == (2, length, 7)


def test_a_tied_head_is_the_embedding() -> None:
    tied: Any = TEXT.build(whole(TEXT))
    apart: Any = UNTIED.build(whole(UNTIED))
    assert tied.head.weight is tied.embedding.embedding.weight
    assert apart.head.weight is not apart.embedding.embedding.weight
