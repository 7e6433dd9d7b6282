"""Choices that no graph shows are searched all the same, and their author is warned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.spaces.families.distinction import Distinction

ROW = torch.zeros(1, 4)


class Noisy(nn.Module):
    """A layer that adds noise in training mode, and does nothing else."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.rate * torch.randn_like(x) if self.training else x


def noisy(choose: Any) -> nn.Module:
    act = choose("act", {"relu": nn.ReLU, "silu": nn.SiLU, "swish": nn.SiLU})
    return nn.Sequential(
        nn.Linear(4, choose("width", [2, 3])), act, Noisy(choose("rate", [0.1, 0.2]))
    )


def test_a_choice_that_acts_in_training_alone_makes_architectures_of_its_own() -> None:
    family = bonas.space(noisy, input=ROW)
    with pytest.warns(UserWarning, match="'act' changes no graph: 'silu', 'swish'; such"):
        members = family.members
    assert members is not None
    assert len(members) == 3 * 2 * 2


def test_by_graph_alone_such_options_are_one_architecture_and_their_author_is_warned() -> None:
    family = bonas.space(noisy, input=ROW, identity="graph")
    with pytest.warns(UserWarning, match="'rate' acts in training alone; such networks are one"):
        members = family.members
    assert members is not None
    assert len(members) == 2 * 2


def test_by_choices_every_combination_is_an_architecture() -> None:
    family = bonas.space(noisy, input=ROW, identity="choices")
    members = family.members
    assert members is not None
    assert len(members) == family.size == 12


def test_isomorphic_networks_stay_one_architecture_for_each_such_choice() -> None:
    def twins(choose: Any) -> nn.Module:
        first, second = (choose(name, {"relu": nn.ReLU, "tanh": nn.Tanh}) for name in "ab")
        return Sum(first, second, Noisy(choose("rate", [0.1, 0.2])))

    members = bonas.space(twins, input=ROW).members
    assert members is not None
    assert len(members) == 3 * 2  # relu + tanh is tanh + relu


class Sum(nn.Module):
    """The sum of two functions, and something after it."""

    def __init__(self, first: nn.Module, second: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.last = first, second, last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.last(self.first(x) + self.second(x))
        return out


def test_an_option_that_nothing_shows_is_warned_of() -> None:
    def scaled(choose: Any) -> nn.Module:
        layer = nn.Linear(4, choose("width", [2, 3]))
        nn.init.normal_(layer.weight, std=choose("scale", [0.1, 0.2]))
        return layer

    with pytest.warns(UserWarning, match=r"in scaled 'scale' changes no graph: 0\.1, 0\.2; such"):
        members = bonas.space(scaled, input=ROW).members
    assert members is not None
    assert len(members) == 4


def test_an_option_that_only_some_graphs_show_is_compared_in_training_as_well() -> None:
    def graph_of(choices: Any) -> tuple[str, int]:
        return (f"{choices['on']} {choices['rare'] if choices['on'] else ''}", 1)

    def completed(some: Any, rng: Any) -> Any:
        return {name: some.get(name, bool(rng.integers(2))) for name in ("on", "rare")}

    found = Distinction.of(dict.fromkeys(["on", "rare"], (False, True)), completed, graph_of, repr)
    assert found.names == {
        "rare"
    }  # where no graph in evaluation mode shows it, one in training mode does


def test_names_whose_comparison_would_take_too_long_identify_architectures_by_choice() -> None:
    found = Distinction.of(
        {"a": (1, 2), "b": (1, 2)},
        lambda some, rng: {"a": 1, "b": 1, **some},
        lambda choices: (repr(choices), 20_000),
        repr,
    )
    assert found == Distinction({}, uncompared=frozenset({"b"}))


def test_another_identity_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown identity 'name'"):
        bonas.space(noisy, input=ROW, identity="name")  # type: ignore[call-overload]  # on purpose
