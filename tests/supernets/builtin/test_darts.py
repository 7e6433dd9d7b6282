"""The weights that DARTS networks share: by cell, edge and operation."""

from __future__ import annotations

import numpy as np
import pytest
from small_supernets import SPACES, pieces_of, slots_of

from bonas.spaces import DARTSSpace
from bonas.supernets import Supernet

_SMALL = DARTSSpace.small()


def _key(name: str, *steps: tuple[str, int]) -> str:
    """Return the key of a parameter of the network of a normal cell."""
    skips = [("skip_connect", 0), ("skip_connect", 1)] * 2
    return slots_of(_SMALL, _SMALL.from_genotype(normal=steps, reduce=skips))[name].pieces[0].key


def test_an_operation_keeps_its_weights_in_either_place_of_a_sum() -> None:
    """Read states 0 and 1, or 1 and 2: the edge from state 1 is the same."""
    rest = ("skip_connect", 0), ("skip_connect", 1)
    second = _key("cells.0.operations.3_1.0.1.weight", *rest, rest[0], ("sep_conv_3x3", 1))
    first = _key("cells.0.operations.3_0.0.1.weight", *rest, ("sep_conv_3x3", 1), (rest[0][0], 2))
    assert first == second == "cells.0.edge_1_3.sep_conv_3x3.0.1.weight"


def test_edges_operations_and_cells_have_tensors_of_their_own() -> None:
    name = "cells.0.operations.2_1.0.1.weight"
    rest = (("skip_connect", 0), ("skip_connect", 1))
    keys = {
        _key(name, ("skip_connect", 0), ("sep_conv_3x3", 1), *rest),
        _key(name, ("skip_connect", 0), ("sep_conv_5x5", 1), *rest),
        _key(name.replace("2_1", "2_0"), ("sep_conv_3x3", 0), ("skip_connect", 1), *rest),
    }
    assert len(keys) == 3


def test_an_operation_that_is_applied_twice_has_two_tensors() -> None:
    space = SPACES["darts, inputs repeat"]
    choices = space.completed(
        {
            "normal_2_inputs": "0+0",
            "normal_2_first": "sep_conv_3x3",
            "normal_2_second": "sep_conv_3x3",
        }
    )
    keys = [p.key for p in pieces_of(space, choices) if "cells.0.edge_0_2" in p.key]
    assert len(keys) == len(set(keys)) == 2 * 8
    assert sum("again" in key for key in keys) == 8


def test_there_is_a_tensor_per_cell_edge_and_operation() -> None:
    """Count the tensors of the mixture of which DARTS takes gradients.

    Of 5 edges, each has two separable convolutions of 8 tensors and two dilated ones of 4; skip
    connections of stride 2 have 4, on the 4 edges from the inputs of the 2 reduction cells. Inputs
    have 3 tensors, except one of the last cell, which is twice as large as the other one.
    """
    supernet, rng = Supernet(_SMALL), np.random.default_rng(0)
    for _ in range(120):
        supernet.cover(_SMALL.sample(rng))
    edges, inputs, stem, head = 3 * 5 * 24 + 2 * 4 * 4, 3 * 6 + 1, 3, 2
    assert len(supernet.store) == edges + inputs + stem + head


@pytest.mark.parametrize("cell", [0, 1])
def test_a_skip_connection_has_weights_only_where_it_halves(cell: int) -> None:
    skips = [("skip_connect", 0), ("skip_connect", 1)] * 2
    choices = _SMALL.from_genotype(normal=skips, reduce=skips)
    keys = [p.key for p in pieces_of(_SMALL, choices) if f"cells.{cell}.edge" in p.key]
    assert len(keys) == (0, 4 * 4)[cell]
