"""The weights that transformers share: by layer and role, with heads and halves as blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from small_supernets import SPACES, is_the_larger_without_the_rest, pieces_of, slots_of, weight_of

from bonas.spaces import Choices, TransformerSpace
from bonas.supernets import Supernet
from bonas.supernets.builtin.transformers import pairs_of_head

_SPACE = TransformerSpace(
    inputs=5,
    length=6,
    classes=3,
    depths=(1, 2),
    widths=(4, 8),
    heads=(2, 4),
    head_dims=(2, 4, 8),
    mlp_ratios=(1, 2),
    experts=(1, 2, 3),
    top_k=(1,),
    windows=(2,),
)
_QUERIES = "layers.0.attention.queries"


def _network(space: TransformerSpace = _SPACE, **some: Any) -> Choices:
    return space.completed({"width": 8, "experts": 1, **some})


@pytest.mark.parametrize("activation", ["gelu", "relu", "swiglu"])
@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("task", ["classify", "language_model"])
def test_a_smaller_network_is_a_larger_one_without_the_rest(
    activation: str, norm: str, task: Any
) -> None:
    """Take heads, hidden units and a layer away."""
    space = replace(_SPACE, task=task, inputs=None, vocabulary=7)
    small = {"activation": activation, "norm": norm, "attention": "multi_head"}
    large = {**small, "heads": 4, "mlp_ratio": 2, "depth": 2}
    assert is_the_larger_without_the_rest(space, _network(space, **small), _network(space, **large))


@pytest.mark.parametrize("attention", ["multi_query", "sliding_window"])
def test_kinds_of_attention_take_heads_away_alike(attention: str) -> None:
    small, large = (_network(attention=attention, heads=heads) for heads in (2, 4))
    assert is_the_larger_without_the_rest(_SPACE, small, large)


@pytest.mark.parametrize(("small", "large"), [(2, 4), (2, 8), (4, 8)])
def test_a_smaller_head_has_the_pairs_that_turn_as_fast(small: int, large: int) -> None:
    """Take numbers of each head away; a product of fewer numbers is divided by less."""
    networks = [_network(attention="multi_head", head_dim=dim) for dim in (small, large)]
    same = {_QUERIES: (large / small) ** 0.5}
    assert is_the_larger_without_the_rest(_SPACE, *networks, same)
    assert not is_the_larger_without_the_rest(_SPACE, *networks)


def test_heads_that_do_not_divide_each_other_share_the_first_pairs() -> None:
    assert [pairs_of_head(dim, (4, 6)) for dim in (4, 6)] == [(2,), (3,)]


def test_queries_keys_and_values_are_those_of_the_same_heads() -> None:
    """Number the rows of 4 heads of 4 numbers: queries from 0, keys from 16, values from 32.

    A head of 2 numbers has one rotary pair, numbers 0 and 2 of a wider head; of the values, which
    are not turned, it has the first two.
    """
    space = replace(_SPACE, head_dims=(2, 4))
    supernet = Supernet(space)
    supernet.cover(_network(space, attention="multi_head", heads=4, head_dim=4))
    grid = torch.arange(16.0).view(4, 2, 1, 2, 1).expand(4, 2, 1, 2, 8)
    supernet.store.set(_QUERIES, grid)
    supernet.store.set(_QUERIES.replace("queries", "keys"), grid + 16)
    values = torch.arange(32.0, 48).view(4, 4, 1).expand(4, 4, 8)
    supernet.store.set(_QUERIES.replace("queries", "values"), values)

    def rows(**some: Any) -> list[float]:
        network = supernet.network(_network(space, **some))
        return list(weight_of(network, "layers.0.attention.project.weight")[:, 0].tolist())

    assert rows(attention="multi_head", heads=4, head_dim=4) == list(range(48))
    assert rows(attention="multi_head", heads=2, head_dim=2) == [
        *(0, 2, 4, 6),
        *(16, 18, 20, 22),
        *(32, 33, 36, 37),
    ]
    assert rows(attention="multi_query", heads=2, head_dim=2) == [0, 2, 4, 6, 16, 18, 32, 33]


def test_the_output_of_a_head_is_read_by_the_columns_of_that_head() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_network(heads=4, head_dim=8))
    columns = torch.arange(32.0).view(1, 4, 8).expand(8, 4, 8)
    supernet.store.set("layers.0.attention.out.weight", columns)
    network = supernet.network(_network(heads=2, head_dim=2))
    found = weight_of(network, "layers.0.attention.out.weight")
    assert found[0].tolist() == [0, 1, 8, 9]


def test_gate_and_value_of_swiglu_are_halves() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_network(activation="swiglu", mlp_ratio=2))
    rows = torch.arange(32.0).view(2, 16, 1).expand(2, 16, 8)
    supernet.store.set("layers.0.mlp.gated.widen.weight", rows)
    network = supernet.network(_network(activation="swiglu", mlp_ratio=1))
    found = weight_of(network, "layers.0.mlp.widen.weight")
    assert found[:, 0].tolist() == [*range(8), *range(16, 24)]


def test_experts_have_numbers_and_a_dense_perceptron_is_none_of_them() -> None:
    def keys(experts: int) -> set[str]:
        pieces = pieces_of(_SPACE, _network(experts=experts))
        return {piece.key for piece in pieces if ".mlp." in piece.key}

    assert keys(2) < keys(3)
    assert not keys(1) & keys(3)
    router = slots_of(_SPACE, _network(experts=2))["layers.0.mlp.router.weight"].pieces[0]
    assert router.shape == (2, 8)


def test_kinds_of_norm_share_nothing() -> None:
    keys = [
        {p.key for p in pieces_of(_SPACE, _network(norm=norm)) if "norm" in p.key}
        for norm in ("layer_norm", "rms_norm")
    ]
    assert keys[0]
    assert not keys[0] & keys[1]


def test_a_tied_head_is_the_embedding() -> None:
    space = SPACES["text"]
    choices = space.completed({})
    network = Supernet(space).network(choices)
    embedding, head = (
        weight_of(network, name) for name in ("embedding.embedding.weight", "head.weight")
    )
    assert embedding is head
    assert "head.weight" not in {piece.key for piece in pieces_of(space, choices)}


def test_there_is_a_tensor_per_layer_and_role() -> None:
    """Count the tensors of 2 layers.

    Each has 4 of attention, 3 of two kinds of norm twice, and, plain and gated, 2 of the dense
    perceptron and of each of 3 experts, with one router. Around them are 2 of the embedding, 3 of
    norms, and 2 of the head.
    """
    supernet, rng = Supernet(_SPACE), np.random.default_rng(0)
    for _ in range(150):
        supernet.cover(_SPACE.sample(rng))
    assert len(supernet.store) == 2 * (4 + 2 * 3 + 2 * 2 * 4 + 1) + 2 + 3 + 2
