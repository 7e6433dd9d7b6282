"""Transformer spaces: their parameters, their caches, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from built_networks import drawn, seeds
from hypothesis import given, settings
from small_transformers import ROWS, TEXT, UNTIED, spaces, whole

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces.transformers.space import TransformerSpace

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
