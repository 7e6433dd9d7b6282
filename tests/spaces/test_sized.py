"""Bounds on sizes: sampling, neighbours, and bounds that nothing keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from built_networks import drawn, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

from bonas.errors import InvalidSpace
from bonas.spaces import Choice, Choices, Sketch
from bonas.spaces.mobile.space import MobileSpace
from bonas.spaces.sized import SizedSpace

SMALL = MobileSpace.small()


@dataclass(frozen=True)
class Counting(MobileSpace):
    """A mobile space that counts its sketches."""

    drawn: list[Choices] = field(default_factory=list, compare=False)

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        self.drawn.append(choices)
        return super().sketch(choices)


@settings(max_examples=150)
@given(
    seeds,
    st.none() | st.floats(6_000, 40_000),
    st.none() | st.floats(150_000, 600_000),
    st.none() | st.floats(43_000, 200_000),
)
def test_every_sample_and_every_neighbour_is_within_the_bounds(
    seed: int, params: float | None, flops: float | None, memory: float | None
) -> None:
    space = replace(SMALL, max_params=params, max_flops=flops, max_memory=memory)
    choices = drawn(space, seed)
    assert space.completed(choices) == choices
    for member in [choices, *space.neighbours(choices)]:
        assert space.costs(member)["parameters"] <= (params or np.inf)
        assert 2 * space.costs(member)["multiply_adds"] <= (flops or np.inf)
        assert space.memory(member) <= (memory or np.inf)


def test_sampling_under_a_bound_that_one_in_a_thousand_meets_is_no_search() -> None:
    space = Counting(max_params=52_000, drawn=[])
    rng = np.random.default_rng(0)
    free = MobileSpace()
    some = [free.costs(free.sample(rng))["parameters"] for _ in range(1_000)]
    assert sum(parameters <= 52_000 for parameters in some) <= 2
    space.sample(rng)  # which also finds out what is cheaper
    space.drawn.clear()
    members = [space.sample(rng) for _ in range(50)]
    assert len(space.drawn) < 50 * 60
    assert len({tuple(choices.items()) for choices in members}) > 40


def test_a_loose_bound_leaves_a_draw_as_it_is() -> None:
    loose = replace(SMALL, max_params=1e9)
    assert all(drawn(loose, seed) == drawn(SMALL, seed) for seed in range(20))


class Crossing(SizedSpace):
    """What is cheaper for one parameter depends on another: ``b`` counts up or down."""

    parameters: Mapping[str, Sequence[Choice]] = {"a": (0, 1), "b": range(9), "c": range(9)}

    def sketch(self, choices: Choices) -> tuple[Sketch, int]:
        a, b, c = (int(str(value)) for value in choices.values())
        sketch = Sketch((1,))
        weights = (b if a else 8 - b) + 2 * c
        return sketch, sketch.add("linear", [sketch.input], (1,), parameters=weights)


def test_a_sample_depends_on_the_seed_and_not_on_what_was_sampled_before() -> None:
    used = Crossing(max_params=3)
    samples = [used.sample(np.random.default_rng(seed)) for seed in range(60)]
    fresh = [Crossing(max_params=3).sample(np.random.default_rng(seed)) for seed in range(60)]
    again = [used.sample(np.random.default_rng(seed)) for seed in reversed(range(60))]
    assert samples == fresh == again[::-1]
    assert len({tuple(choices.values()) for choices in samples}) > 8  # of the 12 that fit


class Even(MobileSpace):
    """A rule of its own in addition to the bounds: an even number of operations."""

    def is_valid(self, choices: Choices) -> bool:
        return super().is_valid(choices) and len(self.graph(choices)) % 2 == 0


@settings(max_examples=30)
@given(seeds, st.sampled_from([None, 5_000.0]))
def test_a_subclass_may_add_a_rule_of_its_own(seed: int, bound: float | None) -> None:
    space = Even(SMALL.stages, stem=8, head=8, max_params=bound)
    choices = drawn(space, seed)
    assert len(space.graph(choices)) % 2 == 0
    assert space.costs(choices)["parameters"] <= (bound or np.inf)


def test_a_bound_below_the_smallest_network_is_named_with_what_it_rejects() -> None:
    smallest = SMALL.costs(SMALL.completed({}))["parameters"]  # the first options are
    space = replace(SMALL, max_params=1_000, max_flops=1e9)
    with pytest.raises(
        InvalidSpace,
        match=r"no network of MobileSpace .* of 1,000 random draws max_params=1,000 rejects 1,000 "
        rf"\(the smallest network found has {smallest:,.0f}\) and max_flops=.* rejects 0 ",
    ):
        drawn(space, 0)
