"""The weights that cell networks share: by cell of the network, edge and operation."""

from __future__ import annotations

from itertools import combinations

from small_supernets import SPACES, pieces_of, weight_of

from bonas.spaces import NASBench201
from bonas.spaces.cells import OPERATIONS
from bonas.supernets import Supernet

_SPACE = SPACES["cells"]


def _keys(space: NASBench201, **edges: str) -> set[str]:
    some = {**dict.fromkeys(space.parameters, "none"), **edges}
    return {piece.key for piece in pieces_of(space, some)}


def test_two_operations_of_an_edge_share_nothing() -> None:
    space = NASBench201(4, tuple(OPERATIONS), channels=2, cells=1, stages=1)
    frame = _keys(space)
    own = {name: _keys(space, edge_0_1=name) - frame for name in OPERATIONS}
    assert all(not own[a] & own[b] for a, b in combinations(OPERATIONS, 2))
    assert {name for name in OPERATIONS if own[name]} == {n for n in OPERATIONS if "conv" in n}


def test_an_operation_of_an_edge_has_one_set_of_weights_whatever_the_other_edges_are() -> None:
    supernet = Supernet(_SPACE)
    ends = []
    for rest in ("skip_connect", "nor_conv_1x1"):
        some = {**dict.fromkeys(_SPACE.parameters, rest), "edge_1_3": "nor_conv_3x3"}
        ends.append(weight_of(supernet.network(some), "body.0.operations.1_3.1.weight"))
    assert ends[0].data_ptr() == ends[1].data_ptr()


def test_there_is_a_tensor_per_cell_edge_and_operation() -> None:
    """Two cells of 6 edges and 2 convolutions of 3 tensors; 3 stem, 7 reduction, 4 head."""
    supernet = Supernet(_SPACE)
    for name in ("nor_conv_1x1", "nor_conv_3x3", "skip_connect"):
        supernet.cover(dict.fromkeys(_SPACE.parameters, name))
    assert len(supernet.store) == 2 * 6 * 2 * 3 + 3 + 7 + 4
    stem, reduction, head = 9 * 2 + 4, (9 * 2 * 4 + 8) + (9 * 4 * 4 + 8) + 2 * 4, 8 + 4 * 10 + 10
    cells = 6 * sum((9 + 1) * c * c + 2 * 2 * c for c in (2, 4))
    assert supernet.store.bytes == 4 * (stem + reduction + head + cells)
