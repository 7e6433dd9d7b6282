"""Architectures: equal by their graph, or by their mark; and the cache of the latest ones."""

from __future__ import annotations

import pytest

from bonas.spaces import INPUT, OUTPUT, Architecture, ArchitectureGraph
from bonas.spaces.cache import ArchitectureCache


def chain(*labels: str) -> ArchitectureGraph:
    whole = [INPUT, *labels, OUTPUT]
    return ArchitectureGraph(whole, [(i, i + 1) for i in range(len(whole) - 1)])


def test_other_choices_of_one_graph_are_one_architecture() -> None:
    one = Architecture({"a": 1}, chain("conv"))
    other = Architecture({"b": 2}, ArchitectureGraph([OUTPUT, "conv", INPUT], [(2, 1), (1, 0)]))
    assert one == other
    assert len({one, other}) == 1
    assert one != Architecture({"a": 1}, chain("pool"))
    assert one != "architecture"


def test_a_mark_takes_the_place_of_the_graph() -> None:
    one, other = (Architecture({"a": a}, chain("conv"), f"a={a}") for a in (1, 2))
    assert one != other
    assert one == Architecture({}, chain("pool"), "a=1")
    assert one.key == "a=1"


def test_a_cache_forgets_when_its_graphs_are_large_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bonas.spaces.cache._NODES", 6)
    cache = ArchitectureCache()
    for i in range(2):
        cache.keep((("a", i),), Architecture({"a": i}, chain("conv")))
    assert (len(cache), cache.nodes) == (2, 6)
    cache.keep((("a", 2),), Architecture({"a": 2}, chain("conv")))
    assert list(cache) == [(("a", 2),)]
    assert cache.nodes == 3
