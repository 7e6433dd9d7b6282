"""The weights that networks of NAS-Bench-101 share: by cell, vertex and operation."""

from __future__ import annotations

import numpy as np
import torch
from small_supernets import evaluated, inputs_of, pieces_of, randomised, slots_of, weight_of

from bonas.spaces import Choices, NASBench101Space
from bonas.supernets import Supernet

_SPACE = NASBench101Space(channels=8, cells=2, stacks=2, in_channels=1, image_size=4)
_C1, _C3, _POOL = _SPACE.operations[1], _SPACE.operations[0], _SPACE.operations[2]


def _cell(operations: list[str], *edges: tuple[int, int]) -> Choices:
    matrix = np.zeros((len(operations) + 2, len(operations) + 2), dtype=int)
    for edge in edges:
        matrix[edge] = 1
    return _SPACE.from_matrix(matrix, ["input", *operations, "output"])


_CHAIN = _cell([_C3], (0, 1), (1, 2))
_PAIR = _cell([_C3, _C1], (0, 1), (0, 2), (1, 3), (2, 3))


def test_choices_that_prune_to_one_cell_have_the_same_weights() -> None:
    """Put the one operation on vertex 1 or on vertex 4: the network is the same."""
    moved = dict.fromkeys(_SPACE.edges, False) | {"edge_0_4": True, "edge_4_6": True, "op_4": _C3}
    moved["edge_0_2"] = True  # leads nowhere
    supernet = randomised(Supernet(_SPACE), [_CHAIN])
    one, other = (supernet.network(choices) for choices in (_CHAIN, moved))
    assert torch.equal(evaluated(one, inputs_of(_SPACE)), evaluated(other, inputs_of(_SPACE)))


def test_a_vertex_that_shares_the_output_has_the_first_channels() -> None:
    supernet = randomised(Supernet(_SPACE), [_CHAIN, _PAIR])
    whole, half = (
        weight_of(supernet.network(choices), "body.1.operations.0.0.weight")
        for choices in (_CHAIN, _PAIR)
    )
    assert (whole.shape[0], half.shape[0]) == (8, 4)
    assert torch.equal(half, whole[:4, :4])


def test_operations_and_vertices_share_nothing() -> None:
    frame = {p.key for p in pieces_of(_SPACE, _cell([_POOL], (0, 1), (1, 2)))}
    ends = (0, 1), (1, 2), (2, 3)
    cells = [_cell([_C3, _POOL], *ends), _cell([_C1, _POOL], *ends), _cell([_POOL, _C3], *ends)]
    own = [{p.key for p in pieces_of(_SPACE, cell)} - frame for cell in cells]
    assert all(len(keys) == 4 * 3 for keys in own)  # in each of the 4 cells
    assert len(set().union(*own)) == 3 * 4 * 3


def test_the_projection_to_the_output_is_one_tensor_whatever_its_number() -> None:
    keys = [
        slots_of(_SPACE, _cell(operations, *edges, (0, last)))[
            f"body.1.projections.{last}.0.weight"
        ]
        for last, operations, edges in (
            (2, [_C3], [(0, 1), (1, 2)]),
            (3, [_C3, _C1], [(0, 1), (1, 2), (2, 3)]),
        )
    ]
    assert {slot.pieces[0].key for slot in keys} == {"body.1.output.projection.0.weight"}
    inner = slots_of(_SPACE, _PAIR)["body.1.projections.2.0.weight"].pieces[0].key
    assert inner == "body.1.vertex2.projection.0.weight"


def test_there_is_a_tensor_per_cell_vertex_and_operation() -> None:
    """Count, in each of 4 cells, two convolutions and a projection for 5 vertices, of 3 tensors."""
    supernet = Supernet(_SPACE)
    chain = [(i, i + 1) for i in range(6)]
    for operation in _SPACE.operations:
        supernet.cover(_cell([operation] * 5, *chain, (0, 2), (0, 3), (0, 6)))
        supernet.cover(_cell([operation] * 5, *chain, (0, 4), (0, 5)))
    assert len(supernet.store) == 4 * 3 * (5 * 3 + 1) + 3 + 2
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert not supernet.store.lacks(slots_of(_SPACE, _SPACE.sample(rng)).values())
