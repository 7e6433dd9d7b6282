"""New combinations of choices."""

from __future__ import annotations

import numpy as np
from baseline_searches import Layers, Numbers, digits

from bonas.benchmarks.baselines.mutation import mutate, sample_mutants, sample_unseen
from bonas.benchmarks.baselines.observations import key
from bonas.spaces import Choices


def test_the_last_unseen_combination_is_found() -> None:
    space = Numbers()
    valid = [key(choices) for choices in space]
    rng = np.random.default_rng(0)
    assert key(sample_unseen(space, set(valid[:-1]), rng)) == valid[-1]
    assert key(sample_unseen(space, set(valid), rng)) in valid


def test_a_mutant_differs_in_one_choice_and_is_valid() -> None:
    space = Numbers()
    rng = np.random.default_rng(0)
    start = {"a": 3, "b": 2, "c": 0}
    children = [mutate(space, start, rng) for _ in range(200)]
    assert all(space.is_valid(child) for child in children)
    assert {sum(child[n] != start[n] for n in "abc") for child in children} == {1}
    assert len({key(child) for child in children}) == len(list(space.neighbours(start)))


def test_mutants_are_new_and_distinct() -> None:
    space = Numbers()
    start = {"a": 0, "b": 0, "c": 0}
    seen = {key(start), digits(1, 0, 0)}
    found = [key(c) for c in sample_mutants(space, [start], 20, seen, np.random.default_rng(0))]
    assert len(set(found)) == len(found) == 20
    assert not seen & set(found)


def test_a_mutant_of_a_conditional_space_is_whole() -> None:
    """A new layer gets a width, a removed one loses it."""
    space = Layers()
    rng = np.random.default_rng(0)
    start = {"depth": 2, "w1": 8, "w2": 8}
    children = [mutate(space, start, rng) for _ in range(200)]
    assert all(space.allows(child) for child in children)
    assert {len(child) for child in children} == {2, 3, 4}
    deeper = [child for child in children if child["depth"] == 3]
    assert {child["w3"] for child in deeper} == {8, 16, 32}
    assert all(child["w1"] == child["w2"] == 8 for child in deeper)


def test_where_no_mutant_is_valid_a_random_combination_is_drawn() -> None:
    class Pair(Numbers):
        def is_valid(self, choices: Choices) -> bool:
            return tuple(choices.values()) in {(0, 0, 0), (3, 3, 3)}

    rng = np.random.default_rng(0)
    start = {"a": 0, "b": 0, "c": 0}
    drawn = {tuple(mutate(Pair(), start, rng).values()) for _ in range(12)}
    assert drawn == {(0, 0, 0), (3, 3, 3)}


def test_few_mutants_are_found_where_few_are_unseen() -> None:
    space = Numbers()
    start = {"a": 0, "b": 0, "c": 0}
    seen = {key(choices) for choices in space} - {digits(1, 0, 0), digits(0, 2, 0)}
    found = sample_mutants(space, [start], 9, seen, np.random.default_rng(0))
    assert {key(child) for child in found} == {digits(1, 0, 0), digits(0, 2, 0)}
