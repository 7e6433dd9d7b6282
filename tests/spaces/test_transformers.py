"""Transformer spaces: their parameters, their networks, what these cost, and their caches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.evaluation.kv_cache import KVCache
from bonas.spaces import Choices
from bonas.spaces.transformers.network import (
    Attention,
    Mixture,
    Perceptron,
    rotated,
    rotation,
    swiglu,
)
from bonas.spaces.transformers.plan import AttentionPlan, MLPPlan, TransformerPlan
from bonas.spaces.transformers.space import TransformerSpace

TINY: dict[str, Any] = {
    "length": 6,
    "classes": 3,
    "depths": (1, 2),
    "widths": (6, 8),
    "heads": (2, 4),
    "head_dims": (2, 4),
    "mlp_ratios": (1, 1.5),
    "kv_heads": (1, 2, 4),
    "windows": (2, 3, 8),
    "experts": (1, 3, 4),
    "top_k": (1, 2),
}
TEXT = TransformerSpace(task="language_model", vocabulary=7, **TINY)
UNTIED = replace(TEXT, tied=False, per_layer=True)
ROWS = TransformerSpace(inputs=5, **TINY)
IMAGES = TransformerSpace(patch=2, image_size=6, in_channels=2, per_layer=True, **TINY)
LABELLED = TransformerSpace(vocabulary=7, **TINY)
SPACES = {"text": TEXT, "untied": UNTIED, "rows": ROWS, "images": IMAGES, "labelled": LABELLED}

seeds = st.integers(0, 2**32 - 1)
spaces = st.sampled_from(list(SPACES.values()))


def drawn(space: TransformerSpace, seed: int) -> Choices:
    return space.sample(np.random.default_rng(seed))


def whole(space: TransformerSpace, **some: Any) -> Choices:
    """The first options, but for ``some``; every one of these must apply."""
    choices = space.completed(some)
    assert some.items() <= choices.items()
    return choices


def examples(space: TransformerSpace, n: int) -> Tensor:
    if space.vocabulary is not None:
        return torch.randint(space.vocabulary, (n, *space.input_shape))
    return torch.randn(n, *space.input_shape)


def parameters_of(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


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
    """The plan, with a window that hides nothing left out."""
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
    """What attention gives for ``length x width``, query by query and head by head."""
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
def test_a_mixture_is_the_weighed_sum_of_the_best_experts(
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
    """With one expert a token too, where shares that sum to one would give it none."""
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


CACHES: dict[str, tuple[dict[str, Any], int]] = {
    # keys and values x keys x numbers in each x tokens
    "multi_head": ({"attention": "multi_head"}, 2 * 4 * 4 * 6),
    "grouped_query": ({"attention": "grouped_query", "kv_heads": 2}, 2 * 2 * 4 * 6),
    "multi_query": ({"attention": "multi_query"}, 2 * 1 * 4 * 6),
    "sliding_window": ({"attention": "sliding_window", "window": 3}, 2 * 4 * 4 * 3),
    "wide window": ({"attention": "sliding_window", "window": 8}, 2 * 4 * 4 * 6),
    "two layers": ({"attention": "multi_query", "depth": 2}, 2 * 2 * 1 * 4 * 6),
}


@pytest.mark.parametrize("case", CACHES)
def test_the_cache_by_hand(case: str) -> None:
    some, numbers = CACHES[case]
    choices = whole(TEXT, heads=4, head_dim=4, **some)
    assert TEXT.kv_cache_bytes(choices) == TEXT.costs(choices)["kv_cache"] == 2 * numbers
    assert TEXT.kv_cache_bytes(choices, bytes_per_number=0.5) == numbers / 2


def test_the_cache_of_layers_of_several_kinds_at_another_length() -> None:
    # At 100 tokens: 2 x 2 x 4 x 100 with two heads, and 2 x 2 x 4 x 3 in a window of 3.
    choices = whole(
        UNTIED,
        depth=2,
        heads=2,
        head_dim=4,
        layer1_attention="multi_head",
        layer2_attention="sliding_window",
        layer2_window=3,
    )
    assert UNTIED.kv_cache_bytes(choices, length=100, bytes_per_number=1) == 1600 + 48
    assert UNTIED.costs(choices)["kv_cache"] == 2 * (96 + 48)


def test_only_a_language_model_has_a_cache() -> None:
    assert set(ROWS.costs(whole(ROWS))) == {"parameters", "multiply_adds"}
    with pytest.raises(InvalidSpace, match=r"task='classify'; make it with task=\"language_model"):
        ROWS.kv_cache_bytes(whole(ROWS))
    with pytest.raises(InvalidArgument, match="length must be a whole number of at least 1, got 0"):
        TEXT.kv_cache_bytes(whole(TEXT), length=0)


def test_names_apply_where_they_mean_something() -> None:
    assert {"kv_heads", "window", "top_k"}.isdisjoint(whole(TEXT))
    assert "kv_heads" in whole(TEXT, attention="grouped_query")
    assert "window" in whole(TEXT, attention="sliding_window")
    assert "top_k" in whole(TEXT, experts=3)
    with pytest.raises(InvalidSpace, match=r"unknown \['window'\]"):
        TEXT.architecture({**whole(TEXT), "window": 3})
    with pytest.raises(InvalidSpace, match=r"missing \['top_k'\], unknown \[\]"):
        TEXT.architecture({**whole(TEXT), "experts": 3})


def test_layers_choose_for_themselves_up_to_the_depth() -> None:
    own = {"attention", "experts"}
    shared = {"depth", "width", "heads", "head_dim", "mlp_ratio", "norm", "activation"}
    assert set(whole(UNTIED)) == shared | {f"layer1_{name}" for name in own}
    two = whole(UNTIED, depth=2, layer2_experts=4, layer2_attention="multi_query")
    assert set(two) == {*whole(UNTIED), "layer2_attention", "layer2_experts", "layer2_top_k"}
    plan = UNTIED.plan(two)
    assert [layer.mlp.experts for layer in plan.layers] == [1, 4]
    assert [layer.attention.kv_heads for layer in plan.layers] == [2, 1]


@settings(max_examples=50)
@given(spaces, seeds)
def test_neighbours_are_whole_and_one_step_away(space: TransformerSpace, seed: int) -> None:
    choices = drawn(space, seed)
    for other in space.neighbours(choices):
        space.architecture(other)
        kept = choices.keys() & other.keys()
        assert sum(choices[name] != other[name] for name in kept) == 1


def test_iteration_gives_each_combination_once() -> None:
    space = TransformerSpace(
        depths=(1,),
        heads=(2,),
        head_dims=(4,),
        mlp_ratios=(1,),
        norms=("rms_norm",),
        activations=("relu",),
        kv_heads=(1,),
    )
    # Three kinds of attention, or one of three windows; dense, or four experts of which one or two.
    assert list(space.parameters) == ["attention", "window", "experts", "top_k"]
    assert len(list(space)) == (3 + 3) * (1 + 2)


def test_what_never_applies_is_no_parameter() -> None:
    space = TransformerSpace(attentions=("multi_head", "multi_query"), experts=(1,))
    assert {"kv_heads", "window", "experts", "top_k"}.isdisjoint(space.parameters)


@pytest.mark.parametrize("length", [1, 4, 11])
def test_a_sequence_may_have_any_length(length: int) -> None:
    network = TEXT.build(whole(TEXT, attention="sliding_window", window=3))
    assert network(torch.zeros(2, length)).shape == (2, length, 7)


def test_a_tied_head_is_the_embedding() -> None:
    tied: Any = TEXT.build(whole(TEXT))
    apart: Any = UNTIED.build(whole(UNTIED))
    assert tied.head.weight is tied.embedding.embedding.weight
    assert apart.head.weight is not apart.embedding.embedding.weight


def test_patches_are_read_in_rows_and_grey_images_have_equal_channels() -> None:
    torch.manual_seed(0)
    network: Any = IMAGES.build(whole(IMAGES))
    image = torch.randn(1, 2, 6, 6)
    weight, bias = network.embedding.convolution.weight, network.embedding.convolution.bias
    second = (weight * image[:, :, :2, 2:4]).sum(dim=(1, 2, 3)) + bias
    torch.testing.assert_close(network.embedding(image)[0, 1], second)
    grey = torch.randn(1, 1, 6, 6)
    assert torch.equal(network(grey), network(grey.repeat(1, 2, 1, 1)))


BAD_INPUTS: dict[str, tuple[TransformerSpace, Tensor, str]] = {
    "rows as tokens": (TEXT, torch.zeros(2, 6, 5), "token ids of shape batch x length, got"),
    "noise as tokens": (TEXT, torch.tensor([[0.5, 1.0]]), "token ids from 0 to 6, got numbers"),
    "a token too many": (TEXT, torch.tensor([[7.0, 1.0]]), "0 to 6, got numbers between 1 and 7"),
    "a row too wide": (ROWS, torch.zeros(2, 6, 4), "batch x length x 5, got"),
    "one row": (ROWS, torch.zeros(2, 5), "batch x length x 5, got"),
    "channels": (IMAGES, torch.zeros(2, 3, 6, 6), "batch x 2 x height x width, got"),
    "half a patch": (IMAGES, torch.zeros(2, 2, 6, 7), r"multiples of 2, got \(6, 7\)"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_other_inputs_are_refused(case: str) -> None:
    space, x, message = BAD_INPUTS[case]
    with pytest.raises(InvalidData, match=message):
        space.build(whole(space))(x)


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "unknown task": ({"task": "translate"}, InvalidArgument, "unknown task 'translate'"),
    "two inputs": ({"vocabulary": 5, "inputs": 3}, InvalidSpace, "give vocabulary or inputs"),
    "no words": ({"task": "language_model"}, InvalidSpace, "reads and writes tokens; give voc"),
    "no word": ({"vocabulary": 0}, InvalidArgument, "vocabulary must be a whole number .* got 0"),
    "half a patch": ({"patch": 5}, InvalidSpace, "must be a multiple of patch, got 32 and 5"),
    "odd heads": ({"head_dims": (8, 9)}, InvalidSpace, r"head_dims must be even.*got \[9\]"),
    "uneven groups": (
        {"heads": (4, 6), "kv_heads": (4,)},
        InvalidSpace,
        "kv_heads must divide heads, but 4 does not divide 6",
    ),
    "too few experts": (
        {"experts": (1, 2, 8), "top_k": (1, 4)},
        InvalidSpace,
        "top_k must be at most the number of experts, got 4 of 2 experts",
    ),
    "no depth": ({"depths": (0,)}, InvalidArgument, "depths must be whole numbers of .* got 0"),
    "no ratio": ({"mlp_ratios": (0.0,)}, InvalidArgument, "mlp_ratios must be positive .* got 0.0"),
    "unknown norm": ({"norms": ("batch",)}, InvalidArgument, "'batch'; expected one of 'layer_no"),
    "unknown kind": ({"attentions": ("linear",)}, InvalidArgument, "'linear'; expected one of"),
    "unknown activation": ({"activations": ("elu",)}, InvalidArgument, "'elu'; expected one of"),
    "no bound": ({"max_params": 0}, InvalidArgument, "max_params must be a positive number"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    settings_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        TransformerSpace(**settings_)


def test_groups_that_do_not_divide_matter_to_grouped_queries_only() -> None:
    assert TransformerSpace(heads=(4, 6), kv_heads=(4,), attentions=("multi_head",)).size > 1


@given(seeds)
@settings(max_examples=30)
def test_samples_keep_within_the_bounds(seed: int) -> None:
    space = replace(UNTIED, max_params=500, max_flops=8_000)
    costs = space.costs(drawn(space, seed))
    assert costs["parameters"] <= 500
    assert 2 * costs["multiply_adds"] <= 8_000


def sizes(candidate: Candidate) -> dict[str, float]:
    costs = candidate.space.costs(candidate.choices)
    return {name: costs[name] for name in ("parameters", "multiply_adds")}


def test_a_search_runs_on_the_space() -> None:
    goals = {"parameters": "minimize", "multiply_adds": "maximize"}
    result = bonas.optimize(
        UNTIED,
        6,
        evaluate=sizes,
        objectives=goals,  # type: ignore[arg-type]  # plain words
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 6
    assert result.front


def test_the_cache_can_be_an_objective() -> None:
    result = bonas.optimize(
        TEXT, 4, evaluate=KVCache(100), surrogate="random", seed=0, progress=False
    )
    least = result.best("kv_cache")
    assert least.values["kv_cache"] == TEXT.kv_cache_bytes(least.choices, length=100)
    assert KVCache(100).describe() == {"kv_cache": {"length": 100, "bytes_per_number": 2}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length must be a whole number of at least 1, got 0"),
        ({"bytes_per_number": 0}, "bytes_per_number must be a positive number, got 0"),
        ({"bytes_per_number": "2"}, "bytes_per_number must be a positive number, got '2'"),
        ({"bytes_per_number": float("nan")}, "must be a positive number, got nan"),
    ],
)
def test_a_broken_cache_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        KVCache(**arguments)


def test_the_cache_of_another_space_is_refused() -> None:
    space = bonas.spaces.NASBench201()
    choices = space.sample(np.random.default_rng(0))
    candidate = Candidate(space, choices, None)  # type: ignore[arg-type]  # never asked for
    with pytest.raises(InvalidArgument, match=r"method kv_cache_bytes, such as .* a NASBench201"):
        KVCache()(candidate)
