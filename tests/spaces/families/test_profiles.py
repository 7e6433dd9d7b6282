"""Profiles of networks: graphs and costs without training, kept until they are too many."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidSpace
from bonas.spaces import Example
from bonas.spaces.families.bounds import Bounds
from bonas.spaces.families.builder import Builder
from bonas.spaces.families.declaration import space
from bonas.spaces.families.profiles import Profile, Profiler

ROW = torch.zeros(2, 4)


def linear(choose: Any) -> nn.Module:
    width = choose("width", [2, 3])
    return nn.Sequential(nn.Linear(4, width), nn.Dropout(choose.suggest_float("rate", 0.0, 0.5)))


def profiler(function: Any = linear) -> Profiler:
    builder = Builder(function)
    builder.discover()
    return Profiler(builder, Example.of(ROW))


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


class Branching(nn.Module):
    """A network that reads a value while it runs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(4, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        return y.relu() if float(x.sum()) > 1 else y.tanh()


def test_a_network_that_reads_values_runs_on_the_example() -> None:
    def build(choose: Any) -> nn.Module:
        return Branching(choose("width", [2, 3]))

    state = torch.get_rng_state()
    labels = [
        next(space(build, input=x).graph(c) for c in [{"width": 2}]).labels[2]
        for x in (torch.zeros(1, 4), torch.ones(1, 4))
    ]
    assert labels == ["tanh", "relu"]
    assert torch.equal(torch.get_rng_state(), state)


def test_a_function_that_reads_values_builds_with_memory() -> None:
    @space(input=ROW)
    def scaled(choose: Any) -> nn.Module:
        width = choose("width", [2, 3])
        total = int(torch.ones(width).sum().item())
        return nn.Sequential(nn.Linear(4, total), choose("act", {"relu": nn.ReLU, "tanh": nn.Tanh}))

    assert scaled.size == 4
    assert [scaled.costs(c)["parameters"] for c in scaled] == [10, 10, 15, 15]


class Elsewhere(nn.Module):
    """A network that runs on another kind of device only."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(4, width)

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError("needs the accelerator")


def test_a_function_that_hides_the_lack_of_memory_builds_with_memory() -> None:
    def fitted(choose: Any) -> nn.Module:
        width = choose("width", [4, 8])
        with suppress(Exception):  # the error about missing memory is hidden
            solved = width + int(0 * nn.Linear(1, 1).weight.item())
        return nn.Linear(4, solved)

    family = space(fitted, input=ROW)
    assert family.rejected == {}
    assert {family.costs(c)["parameters"] for c in family} == {20.0, 40.0}


def test_what_a_function_refuses_is_tried_with_memory_once() -> None:
    allocated = []

    def refusing(choose: Any) -> nn.Module:
        width = choose("width", list(range(4, 68)))
        allocated.append(not torch.empty(1).is_meta)
        if width % 2:
            raise ValueError(f"{width} is odd")
        return nn.Linear(4, width)

    family = space(refusing, input=ROW)
    assert len(list(family)) == 32
    assert sum(allocated) == 1


class Cached(nn.Module):
    """A network whose first run leaves a tensor in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.grid: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if not self.grid:
            self.grid.append(torch.linspace(0.0, 1.0, 4).repeat(len(x), 1)[:, :1] + x[:, :1] * 0)
        return torch.cat([x, self.grid[0]], 1)


def test_a_graph_is_that_of_the_first_run() -> None:
    family = space(
        lambda choose: nn.Sequential(Cached(), nn.Linear(5, choose("width", [2, 4]))), input=ROW
    )
    assert family.graph({"width": 2}).labels == family.graph({"width": 4}).labels
    assert "concat" in " ".join(family.graph({"width": 2}).labels)


def test_where_no_network_runs_the_choices_are_the_graph() -> None:
    @space(input=ROW)
    def remote(choose: Any) -> nn.Module:
        width = choose("width", [2, 3])
        if width == 3:
            choose("extra", [True, False])
        return Elsewhere(width)

    with pytest.warns(UserWarning, match=r"no network of remote runs .*needs the accelerator\)"):
        members = remote.members
    assert members is not None
    assert [a.graph.labels for a in members] == [
        ("input", "width=2", "output"),
        ("input", "width=3", "extra=True", "output"),
        ("input", "width=3", "extra=False", "output"),
    ]
    assert remote.costs({"width": 2}) == {"parameters": 10.0}


def test_multiply_adds_without_a_formula_are_warned_of_once() -> None:
    class Fourier(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.linear = nn.Linear(4, width)

        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.fft(self.linear(x)).abs()

    family = space(lambda choose: Fourier(choose("width", [2, 3])), input=ROW)
    with pytest.warns(UserWarning, match=r"of \['fft_fft'\] in <lambda> are not known") as caught:
        assert [family.costs(c)["multiply_adds"] for c in family] == [8, 12]
    assert len(caught) == 1


def test_a_part_that_all_networks_share_keeps_its_weights() -> None:
    """Check that profiling does not touch the values of a pre-trained backbone."""
    shared = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in shared.state_dict().items()}

    @space(input=ROW)
    def family(choose: Any) -> nn.Module:
        return nn.Sequential(shared, nn.Linear(3, choose("width", [2, 5])))

    assert family.graph({"width": 2}) != family.graph({"width": 5})
    assert family.costs({"width": 2})["parameters"] == 3 * 2 + 2
    network = family.build({"width": 2})
    assert network[0] is shared  # type: ignore[index]  # a sequence
    for name, tensor in shared.state_dict().items():
        assert torch.equal(tensor, before[name])
