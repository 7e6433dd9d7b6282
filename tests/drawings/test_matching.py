"""Facts about the differences between two networks."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from drawings.networks import SPACES, chain, outlines

from bonas import ArchitectureGraph
from bonas.drawings.matching import Differences, _aligned
from bonas.drawings.network import as_outline
from bonas.spaces import Outline, Sketch


def between(one: ArchitectureGraph, two: ArchitectureGraph) -> Differences:
    return Differences.between(as_outline(one), as_outline(two))


def test_what_was_replaced_is_in_one_network_only() -> None:
    one, two = chain("input", "a", "b", "c", "output"), chain("input", "a", "x", "c", "output")
    assert between(one, two) == Differences(frozenset({2}), frozenset({2}))


def test_what_was_inserted_is_in_the_larger_network_only() -> None:
    one, two = chain("input", "a", "b", "output"), chain("input", "a", "a", "b", "output")
    found = between(one, two)
    assert not found.own
    assert len(found.other) == 1
    assert two.labels[next(iter(found.other))] == "a"


@pytest.mark.parametrize("name", SPACES)
def test_a_network_does_not_differ_from_itself(name: str) -> None:
    for outline in outlines(name, 2):
        assert Differences.between(outline, outline) == Differences(frozenset(), frozenset())


@pytest.mark.parametrize("name", ["cells", "mobile", "transformer", "family"])
def test_differences_swap_with_the_networks(name: str) -> None:
    for one, two in combinations(outlines(name, 3), 2):
        there, back = Differences.between(one, two), Differences.between(two, one)
        assert len(there.own) == len(back.other)
        assert len(one) - len(there.own) == len(two) - len(there.other)


def test_operations_that_read_others_are_named_where_nothing_else_differs() -> None:
    labels = ["input", "a", "b", "add", "output"]
    one = ArchitectureGraph(labels, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)])
    two = ArchitectureGraph(labels, [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4)])
    assert between(one, two) == Differences(frozenset(), frozenset(), frozenset({2}))
    outline = as_outline(one)
    assert between(one, two).sentences(outline, outline) == [("connected differently: b", True)]


def test_partners_read_the_same_where_several_are_possible() -> None:
    """One branch of two is removed: the rest is matched with the other."""
    two = ArchitectureGraph(
        ["input", "a", "f", "b", "f", "add", "output"],
        [(0, 1), (1, 2), (0, 3), (3, 4), (2, 5), (4, 5), (5, 6)],
    )
    one = ArchitectureGraph(["input", "b", "f", "add", "output"], [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert between(two, one).own == {1, 2}


def test_sentences_count_and_end() -> None:
    many = chain("input", *(f"op{i}" for i in range(12)), "a", "a", "output")
    few = chain("input", "output")
    sentences = between(many, few).sentences(as_outline(many), as_outline(few))
    assert sentences == [("not in the other: op0; op1; op2; op3; op4; op5; and 7 more", True)]


def test_alignments_are_the_best_of_all() -> None:
    """Against all monotone matchings of small tables."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        scores = rng.integers(0, 4, size=(4, 5)) * rng.integers(0, 2, size=(4, 5))
        best = max(
            sum(scores[i, j] for i, j in zip(rows, columns, strict=True))
            for n in range(5)
            for rows in combinations(range(4), n)
            for columns in combinations(range(5), n)
        )
        pairs = _aligned(scores.tolist(), 5)
        assert sum(scores[i, j] for i, j in pairs) == best
        assert all(scores[i, j] for i, j in pairs)
        assert all(a[0] > b[0] and a[1] > b[1] for a, b in pairwise(pairs))


def test_partners_are_in_blocks_of_one_name_where_several_are_possible() -> None:
    def network(blocks: list[str]) -> Outline:
        sketch = Sketch((4,))
        x = sketch.input
        for name in blocks:
            with sketch.block(name):
                x = sketch.add("add", [x], (4,))
        return sketch.outline(sketch.linear(x, 4, 2))

    one, two = network(["cell", "reduction", "cell"]), network(["reduction"])
    assert Differences.between(one, two).own == {1, 3}
