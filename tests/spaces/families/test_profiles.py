"""Profiles of networks: graphs and costs without training, kept until they are too many."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidSpace
from bonas.spaces import Example
from bonas.spaces.families.bounds import Bounds
from bonas.spaces.families.builder import Builder
from bonas.spaces.families.profiles import Profile, Profiler

ROW = Example.of(torch.zeros(2, 4))


def linear(choose: Any) -> nn.Module:
    width = choose("width", [2, 3])
    return nn.Sequential(nn.Linear(4, width), nn.Dropout(choose.suggest_float("rate", 0.0, 0.5)))


def profiler(function: Any = linear) -> Profiler:
    builder = Builder(function)
    builder.discover()
    return Profiler(builder, ROW)


def test_a_profile_is_made_once_for_equal_choices_and_numbers() -> None:
    made = profiler()
    first = made.profile({"width": 2})
    assert made.profile({"width": 2}) is first
    assert made.profile({"width": 2}, {"rate": 0.5}) is not first
    assert len(list(made)) == 2
    made.forget()
    assert not list(made)
    assert made.profile({"width": 2}) == first


def test_costs_and_memory_by_hand() -> None:
    found = profiler().profile({"width": 3})
    assert found.failure == ""
    # a linear map of 4 to 3 with bias; in memory its 15 parameters, and 4 + 3 + 3 numbers
    assert found.costs == {"parameters": 15.0, "multiply_adds": 12.0}
    assert found.memory == 4 * (15 + 4 + 3 + 3)


def test_incomplete_choices_are_refused() -> None:
    def nested(choose: Any) -> nn.Module:
        return nn.Linear(4, choose("b", [1, 2]) if choose("a", [0, 1]) else 1)

    with pytest.raises(InvalidSpace, match=r"asks for \['a', 'b'\], got \['a'\]; complete"):
        profiler(nested).profile({"a": 1})


class Training(nn.Module):
    """A layer that cannot be traced in training mode."""

    def forward(self, x: Tensor) -> Tensor:
        return x * float(x.sum()) if self.training else x


def test_a_network_that_trains_by_values_has_no_hash_of_training() -> None:
    def build(choose: Any) -> nn.Module:
        return nn.Sequential(nn.Linear(4, choose("width", [2, 3])), Training())

    made = profiler(build)
    assert made.training_hash({"width": 2}) == ""
    assert made.profile({"width": 2}).failure == ""


def test_training_hashes_show_what_evaluation_does_not() -> None:
    class Scaled(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.scale = scale

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale if self.training else x.relu()

    made = profiler(lambda choose: Scaled(choose("scale", [0.1, 0.2])))
    graphs = [made.profile({"scale": scale}).graph for scale in (0.1, 0.2)]
    assert graphs[0] == graphs[1]
    assert made.training_hash({"scale": 0.1}) != made.training_hash({"scale": 0.2})


def test_a_builder_whose_networks_change_is_refused() -> None:
    widths = iter(range(1, 1_000))

    def changing(choose: Any) -> nn.Module:
        choose("a", [1, 2])
        return nn.Linear(4, next(widths))

    with pytest.raises(InvalidSpace, match=r"two different networks of \{'a': 1\}"):
        profiler(changing).check()


def test_profiles_are_full_when_their_graphs_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    made = profiler()
    monkeypatch.setattr("bonas.spaces.families.profiles._NODES", 5)
    made.profile({"width": 2})
    assert not made.full  # 4 nodes, and 1 for the profile
    made.profile({"width": 3})
    assert made.full


def test_violations_are_factors_over_the_limit() -> None:
    profile = Profile("", None, {"parameters": 30.0, "multiply_adds": 10.0}, 100.0)
    bounds = Bounds({"max_params": 10.0, "max_flops": 20.0, "max_memory": 50.0})
    assert bounds.violations(profile) == {"over max_params=10": 3.0, "over max_memory=50": 2.0}
    assert bool(bounds)
    assert not Bounds({})


def test_multiply_adds_that_are_not_known_violate_nothing() -> None:
    assert Bounds({"max_flops": 1.0}).violations(Profile("", None, {"parameters": 3.0})) == {}


def test_a_failure_violates_more_than_any_bound() -> None:
    found = Bounds({"max_params": 1.0}).violations(Profile("ValueError: odd"))
    assert found == {"ValueError: odd": float("inf")}
