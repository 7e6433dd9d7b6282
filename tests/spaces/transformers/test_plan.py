"""The plan of a transformer: its sketch is what is built."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from built_networks import drawn, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from small_transformers import (
    ROWS,
    TEXT,
    UNTIED,
    examples,
    spaces,
    whole,
)
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces import Choices
from bonas.spaces.transformers.embedding import Tokens
from bonas.spaces.transformers.network import TransformerNetwork
from bonas.spaces.transformers.plan import (
    AttentionPlan,
    LayerPlan,
    MLPPlan,
    TransformerPlan,
)
from bonas.spaces.transformers.space import TransformerSpace


@settings(max_examples=200)
@given(spaces, seeds)
def test_a_network_runs_both_ways_and_has_the_parameters_of_its_costs(
    space: TransformerSpace, seed: int
) -> None:
    choices = drawn(space, seed)
    network = space.build(choices)
    scores = network(examples(space, 2))
    assert scores.shape == ((2, 6, 7) if space.task == "language_model" else (2, 3))
    scores.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert parameters_of(network) == space.costs(choices)["parameters"]


@settings(max_examples=100)
@given(spaces, seeds)
def test_multiply_adds_are_what_torch_counts(space: TransformerSpace, seed: int) -> None:
    """With the plain kernel of attention; of the others the counter sees nothing."""
    choices = drawn(space, seed)
    network, x = space.build(choices), examples(space, 1)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        network(x)
    assert counter.get_total_flops() == 2 * space.costs(choices)["multiply_adds"]


def test_the_costs_of_a_layer_by_hand() -> None:
    # Width 8; 4 queries, 2 keys and 2 values of 4 numbers: 8 x 32 weights in, 16 x 8 out; 3 experts
    # of 3 x 8 x 12 weights (swiglu) and a router of 8 x 3; an rms norm before each and at the end;
    # an embedding of 7 x 8, which is the head as well. Each of 6 tokens goes to 2 experts, and
    # attention multiplies 6 x 6 pairs twice in 4 heads of 4.
    choices = whole(
        TEXT,
        width=8,
        heads=4,
        head_dim=4,
        mlp_ratio=1.5,
        norm="rms_norm",
        activation="swiglu",
        attention="grouped_query",
        kv_heads=2,
        experts=3,
        top_k=2,
    )
    attention, expert = 8 * 32 + 16 * 8, 3 * 8 * 12
    assert TEXT.costs(choices) == {
        "parameters": 56 + attention + 3 * expert + 24 + 3 * 8,
        "multiply_adds": 6 * (attention + 24 + 2 * expert + 56) + 2 * 6 * 6 * 16,
        "kv_cache": 2 * 1 * 2 * 4 * 6 * 2,
    }


def test_the_graph_of_a_layer_by_hand() -> None:
    dense = ROWS.graph(whole(ROWS))
    assert dense.labels == (
        *("input", "linear", "layer_norm", "linear", "attention", "linear", "add"),
        *("layer_norm", "linear", "gelu", "linear", "add"),
        *("layer_norm", "global_avg_pool", "linear", "output"),
    )
    skips = [(1, 6), (6, 11)]
    assert sorted({*dense.edges} - set(skips)) == [(i, i + 1) for i in range(15)]
    mixed = ROWS.graph(whole(ROWS, experts=3))
    assert mixed.labels[7:14] == (
        *("layer_norm", "linear", "softmax", "linear", "gelu", "linear", "mul"),
    )
    assert {(7, 8), (8, 9), (7, 10), (9, 10), (9, 13), (12, 13)} <= {*mixed.edges}


def plainly(space: TransformerSpace, choices: Choices) -> TransformerPlan:
    """Return the plan without windows that hide nothing."""
    plan = space.plan(choices)
    layers = [
        replace(layer, attention=replace(layer.attention, window=None))
        if layer.attention.span(6) == 6
        else layer
        for layer in plan.layers
    ]
    return replace(plan, layers=tuple(layers))


@settings(max_examples=200)
@given(st.sampled_from([TEXT, UNTIED]), seeds, st.data())
def test_graphs_are_equal_when_the_networks_are(
    space: TransformerSpace, seed: int, data: st.DataObject
) -> None:
    choices = drawn(space, seed)
    other = data.draw(st.sampled_from(list(space.neighbours(choices))))
    same = space.architecture(choices) == space.architecture(other)
    assert same == (plainly(space, choices) == plainly(space, other))


def test_choices_of_one_network_are_one_architecture() -> None:
    plain = TEXT.architecture(whole(TEXT, heads=2))
    equal = [
        whole(TEXT, heads=2, attention="grouped_query", kv_heads=2),
        whole(TEXT, heads=2, attention="grouped_query", kv_heads=4),
        whole(TEXT, heads=2, attention="sliding_window", window=8),
    ]
    assert {TEXT.architecture(choices) for choices in equal} == {plain}
    assert TEXT.architecture(whole(TEXT, attention="multi_query")) == TEXT.architecture(
        whole(TEXT, attention="grouped_query", kv_heads=1)
    )
    assert TEXT.architecture(whole(TEXT, attention="sliding_window", window=3)) != plain


ATTENTION = AttentionPlan(heads=4, kv_heads=2, head_dim=3, window=5)


def plan(mlp: MLPPlan, **others: Any) -> TransformerPlan:
    """Return a language model of two layers, of width 6, over 6 tokens out of 7."""
    settings_: dict[str, Any] = {"outputs": 7, "causal": True, "tied": True, **others}
    return TransformerPlan(
        Tokens(7, 6), 6, "rms_norm", (LayerPlan(ATTENTION, mlp),) * 2, **settings_
    )


def test_a_window_bounds_what_is_attended_to_and_cached() -> None:
    assert (ATTENTION.span(3), ATTENTION.span(100)) == (3, 5)
    assert ATTENTION.cached(100) == 2 * 2 * 3 * 5
    assert replace(ATTENTION, window=None).cached(100) == 2 * 2 * 3 * 100
    assert ATTENTION.projected == (4 + 2 + 2) * 3
    assert plan(MLPPlan(8, "gelu")).cached(100) == 2 * ATTENTION.cached(100)


def test_swiglu_widens_twice() -> None:
    assert (MLPPlan(8, "swiglu").widened, MLPPlan(8, "gelu").widened) == (16, 8)


@pytest.mark.parametrize("mlp", [MLPPlan(8, "gelu"), MLPPlan(8, "swiglu", 3, 2)])
@pytest.mark.parametrize("tied", [False, True])
def test_a_plan_is_built_without_its_space(mlp: MLPPlan, tied: bool) -> None:
    whole = plan(mlp, tied=tied)
    assert parameters_of(TransformerNetwork(whole)) == whole.sketch()[0].costs["parameters"]


def test_a_tied_head_costs_products_and_no_parameters() -> None:
    tied, apart = (plan(MLPPlan(8, "gelu"), tied=t).sketch()[0].costs for t in (True, False))
    assert apart["parameters"] - tied["parameters"] == 6 * 7
    assert apart["multiply_adds"] == tied["multiply_adds"]


def test_more_experts_cost_parameters_and_more_of_them_per_token_cost_products() -> None:
    few, many, both = (
        plan(MLPPlan(8, "gelu", experts, top_k)).sketch()[0].costs
        for experts, top_k in ((2, 1), (4, 1), (4, 2))
    )
    weights = 2 * 6 * 8  # of an expert, in each of two layers; a router has 6 more per expert
    assert many["parameters"] - few["parameters"] == 2 * 2 * (weights + 6)
    assert many["multiply_adds"] - few["multiply_adds"] == 2 * 2 * 6 * 6
    assert both["parameters"] == many["parameters"]
    assert both["multiply_adds"] - many["multiply_adds"] == 2 * 6 * weights
