"""The weights that recurrent networks share: by kind of cell, layer, direction and role."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small_supernets import is_the_larger_without_the_rest, pieces_of, weight_of

from bonas.spaces import Choices, RecurrentSpace
from bonas.spaces.recurrent.plan import GATES
from bonas.supernets import Supernet

_SPACE = RecurrentSpace(3, length=4, classes=2, depths=(1, 2, 3), widths=(2, 4))
_LARGEST = {"depth": 3, "width": 4, "bidirectional": True}


def _network(cell: str, **some: Any) -> Choices:
    return _SPACE.completed({"cell": cell, "residual": True, **some})


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize(
    "small",
    [
        {"depth": 3, "width": 2, "bidirectional": True},
        {"depth": 3, "width": 4, "bidirectional": False},
        {"depth": 2, "width": 2, "bidirectional": False},
    ],
    ids=str,
)
def test_a_smaller_network_is_a_larger_one_without_the_rest(
    cell: str, small: dict[str, Any]
) -> None:
    """Take units, a direction or a layer away; without weights a cell's state stays 0."""
    assert is_the_larger_without_the_rest(
        _SPACE, _network(cell, **small), _network(cell, **_LARGEST)
    )


def test_each_gate_has_the_first_units_of_the_same_gate() -> None:
    """Number the rows of a wide lstm's matrix: its gates begin at 0, 4, 8 and 12."""
    supernet = Supernet(_SPACE)
    supernet.cover(_network("lstm", width=4))
    rows = torch.arange(16.0).view(4, 4, 1, 1).expand(4, 4, 1, 3)
    supernet.store.set("lstm.layers.0.forward.weight_ih_l0", rows)
    narrow = supernet.network(_network("lstm", width=2))
    found = weight_of(narrow, "layers.0.cells.0.weight_ih_l0")
    assert found[:, 0].tolist() == [0, 1, 4, 5, 8, 9, 12, 13]


def test_what_both_directions_pass_on_is_two_blocks() -> None:
    """Number the columns of a wide layer's matrix: the backward ones begin at 4."""
    supernet = Supernet(_SPACE)
    supernet.cover(_network("rnn", **_LARGEST))
    columns = torch.arange(8.0).view(1, 1, 2, 4).expand(1, 4, 2, 4)
    supernet.store.set("rnn.layers.1.forward.weight_ih_l0", columns)
    for bidirectional, expected in ((True, [0, 1, 4, 5]), (False, [0, 1])):
        narrow = _network("rnn", width=2, depth=2, bidirectional=bidirectional)
        weight = weight_of(supernet.network(narrow), "layers.1.cells.0.weight_ih_l0")
        assert weight[0].tolist() == expected


def test_a_norm_between_layers_has_the_first_units_of_both_directions() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_network("gru", **_LARGEST, layer_norm=True))
    supernet.store.set("gru.norms.0.weight", torch.arange(8.0).view(2, 4))
    narrow = _network("gru", width=2, depth=2, bidirectional=True, layer_norm=True)
    assert weight_of(supernet.network(narrow), "norms.0.weight").tolist() == [0, 1, 4, 5]


def test_kinds_of_cells_share_nothing() -> None:
    keys = [{p.key for p in pieces_of(_SPACE, _network(cell, **_LARGEST))} for cell in GATES]
    assert len(set().union(*keys)) == sum(map(len, keys))


def test_there_is_a_tensor_per_kind_layer_direction_and_role() -> None:
    """Count 4 tensors per cell, 2 norms between 3 layers, and the head."""
    supernet, rng = Supernet(_SPACE), np.random.default_rng(0)
    for _ in range(200):
        supernet.cover(_SPACE.sample(rng))
    assert len(supernet.store) == 4 * (3 * 2 * 4 + 2 * 2 + 2)
    largest = [_SPACE.costs(_network(c, **_LARGEST, layer_norm=True)) for c in GATES]
    assert supernet.store.bytes == 4 * sum(costs["parameters"] for costs in largest)
