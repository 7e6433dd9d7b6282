"""The weights that perceptrons share: by layer and role."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small_supernets import is_the_larger_without_the_rest, slots_of, weight_of

from bonas.spaces import Choices, MLPSpace
from bonas.supernets import Supernet

_SPACE = MLPSpace(5, 3, depths=(1, 2, 3), widths=(4, 6, 8))


def _network(*widths: int, **rest: Any) -> Choices:
    named = {f"layer{i}_width": width for i, width in enumerate(widths, start=1)}
    return _SPACE.completed({"depth": len(widths), **named, **rest})


@pytest.mark.parametrize("norm", ["none", "batch_norm"])
@pytest.mark.parametrize("residual", [False, True])
def test_a_narrower_network_is_a_wider_one_without_the_rest(norm: str, residual: bool) -> None:
    """Take units away; silu, gelu and relu of 0 are 0."""
    rest = {"norm": norm, "residual": residual}
    assert is_the_larger_without_the_rest(
        _SPACE, _network(4, 4, 6, **rest), _network(6, 6, 8, **rest)
    )


def test_a_deeper_residual_network_without_its_last_layer_is_the_shallower_one() -> None:
    assert is_the_larger_without_the_rest(
        _SPACE, _network(6, 6, residual=True), _network(6, 6, 6, residual=True)
    )


def test_the_head_is_the_same_for_all_depths() -> None:
    supernet = Supernet(_SPACE)
    heads = [
        weight_of(supernet.network(_network(*[8] * depth)), f"layers.{depth}.weight")
        for depth in (1, 2, 3)
    ]
    assert len({head.data_ptr() for head in heads}) == 1
    assert supernet.store["head.weight"].shape == (3, 8)


def test_a_layer_has_the_first_units_of_a_wider_one() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_network(8, 8))
    narrow = weight_of(supernet.network(_network(6, 4)), "layers.1.body.0.weight")
    assert torch.equal(narrow, supernet.store["layers.1.linear.weight"][:4, :6])


def test_kinds_of_norm_share_nothing() -> None:
    keys = {
        slots_of(_SPACE, _network(4, norm=norm))["layers.0.body.1.weight"].pieces[0].key
        for norm in ("batch_norm", "layer_norm")
    }
    assert len(keys) == 2


def test_there_is_a_tensor_per_layer_and_role() -> None:
    """Count 6 tensors per layer: a linear map and two kinds of norm; and the head."""
    supernet, rng = Supernet(_SPACE), np.random.default_rng(0)
    for _ in range(100):
        supernet.cover(_SPACE.sample(rng))
    assert len(supernet.store) == 3 * 6 + 2
    weights = 5 * 8 + 8 * 8 + 8 * 8 + 3 * 8 + 3 * (8 + 2 * 2 * 8) + 3
    assert supernet.store.bytes == 4 * weights
