"""Conditional spaces: which parameters apply, and constants in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pytest

from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, ConditionalSpace


class Trees(ConditionalSpace):
    """A depth, and a kind for each level that there is; the root's kind is a constant."""

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        return {"depth": (1, 2, 3), "kind1": ("a",), "kind2": ("a", "b"), "kind3": ("a", "b")}

    def applies(self, name: str, earlier: Choices) -> bool:
        return name == "depth" or int(name[4:]) <= int(str(earlier["depth"]))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        depth = int(str(choices["depth"]))
        kinds = [str(self.chosen(choices, f"kind{i}")) for i in range(1, depth + 1)]
        labels = [INPUT, *kinds, OUTPUT]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


TREES = Trees()


def test_a_single_option_is_a_constant_and_no_parameter() -> None:
    assert list(TREES.parameters) == ["depth", "kind2", "kind3"]
    assert TREES.chosen({"depth": 1}, "kind1") == "a"
    assert TREES.chosen({"depth": 2, "kind2": "b"}, "kind2") == "b"


def test_combinations_are_complete_and_each_is_there_once() -> None:
    listed = [tuple(choices.values()) for choices in TREES]
    assert listed == [(1,), (2, "a"), (2, "b"), *((3, x, y) for x in "ab" for y in "ab")]
    assert TREES.size == 3 * 2 * 2  # as if all applied
    assert [c for c in TREES if TREES.completed(c) != c] == []


def test_a_change_drops_what_no_longer_applies_and_completes_what_now_does() -> None:
    deep: Choices = {"depth": 3, "kind2": "b", "kind3": "b"}
    assert TREES.completed({**deep, "depth": 2}) == {"depth": 2, "kind2": "b"}
    assert TREES.completed({"depth": 3, "kind2": "b"}) == {"depth": 3, "kind2": "b", "kind3": "a"}


@pytest.mark.parametrize("seed", range(5))
def test_samples_and_neighbours_name_what_applies(seed: int) -> None:
    choices = TREES.sample(np.random.default_rng(seed))
    for member in [choices, *TREES.neighbours(choices)]:
        assert TREES.architecture(member).choices == member


def test_only_what_applies_is_asked_for() -> None:
    asked: list[str] = []

    def choose(name: str, options: Sequence[Choice]) -> Choice:
        asked.append(name)
        return options[1 if name == "depth" else 0]

    assert TREES.chosen_by(choose) == {"depth": 2, "kind2": "a"}
    assert asked == ["depth", "kind2"]
