"""Facts about the alignment of layers."""

from __future__ import annotations

import pytest
import torch

from bonas.evaluation.inheritance.alignment import aligned
from bonas.evaluation.inheritance.layers import Axis, Layer


def layer(name: str, *shape: int, kind: str = "conv2d") -> Layer:
    axes = tuple(Axis("rows", torch.zeros(size, dtype=torch.long)) for size in shape)
    return Layer(kind, {"weight": name}, {"weight": axes})


def layers(*given: tuple[str, int, int]) -> list[Layer]:
    return [layer(name, *shape) for name, *shape in given]


OLD = layers(("0.a", 8, 8), ("0.b", 8, 8), ("1.a", 16, 8), ("1.b", 16, 16), ("head", 5, 16))


def test_equal_sequences_match_one_to_one() -> None:
    assert aligned(OLD, OLD) == {i: i for i in range(5)}


@pytest.mark.parametrize("place", [0, 2])
def test_an_inserted_block_is_left_out_as_a_whole(place: int) -> None:
    new = layers(("0.a", 8, 8), ("0.b", 8, 8), ("1.a", 8, 8), ("1.b", 8, 8))
    rest = layers(("2.a", 16, 8), ("2.b", 16, 16), ("head", 5, 16))
    found = aligned([*new, *rest], OLD)
    assert {i: j for i, j in found.items() if i > 3} == {4: 2, 5: 3, 6: 4}
    assert found in ({0: 0, 1: 1, 4: 2, 5: 3, 6: 4}, {2: 0, 3: 1, 4: 2, 5: 3, 6: 4})


def test_a_removed_block_is_left_out() -> None:
    child = layers(("0.a", 16, 8), ("0.b", 16, 16), ("head", 5, 16))
    assert aligned(child, OLD) == {0: 2, 1: 3, 2: 4}


def test_named_edges_keep_their_places() -> None:
    edges = layers(("c.0_1.w", 4, 4), ("c.0_2.w", 4, 4), ("c.1_2.w", 4, 4))
    assert aligned(edges, [edges[0], edges[2]]) == {0: 0, 2: 1}
    assert aligned([edges[1]], edges) == {0: 1}


def test_other_kinds_and_numbers_of_dimensions_never_match() -> None:
    assert aligned([layer("a", 4, 4)], [layer("a", 4, 4, kind="linear")]) == {}
    assert aligned([layer("a", 4, 4)], [layer("a", 4, 4, 3)]) == {}


def test_equal_layers_in_another_order_match_all_the_same() -> None:
    one, other = layer("first", 4, 4), layer("second", 9, 9)
    assert aligned([one, other], [other, one]) == {0: 1, 1: 0}


def test_nothing_matches_nothing() -> None:
    assert aligned([], OLD) == {}
    assert aligned(OLD, []) == {}
