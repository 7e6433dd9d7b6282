"""Any function that builds a network is a space: discovered, profiled, bounded, searched."""

from __future__ import annotations

import json
import logging
import pickle
from itertools import count
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from torch import Tensor, nn

import bonas
from bonas.errors import InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import Choices
from bonas.spaces.families.declaration import space
from bonas.spaces.families.family import Family

IMAGE = torch.zeros(1, 3, 8, 8)
ROW = torch.zeros(1, 4)


def conv(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())


@space(input=IMAGE)
def chain(choose: Any) -> nn.Module:
    width = choose("width", [4, 8, 16])
    layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    blocks = {"conv": lambda: conv(width), "skip": nn.Identity}
    layers += [choose(f"block{i}", blocks) for i in range(choose("depth", [1, 2, 3]))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def trialled(trial: Any) -> nn.Module:
    """Build a network out of an Optuna trial."""
    width = 4 * trial.suggest_int("quarter", 1, 3)
    act = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[trial.suggest_categorical("act", ["relu", "tanh"])]
    layers: list[nn.Module] = [nn.Linear(4, width), act]
    if trial.suggest_int("depth", 1, 2) == 2:
        layers.append(
            nn.Linear(width, width, bias=trial.suggest_categorical("bias", [True, False]))
        )
    rate = trial.suggest_float("rate", 0.0, 0.5)
    seed = trial.suggest_int("seed", 0, 1_000)
    assert isinstance(seed, int)
    return nn.Sequential(*layers, nn.Dropout(rate), nn.Linear(width, 2))


TRIALLED = space(trialled, input=ROW)
combinations = st.sampled_from(list(chain))


def test_all_names_are_known_in_advance() -> None:
    assert {name: d.choices for name, d in chain.distributions.items()} == {
        "width": (4, 8, 16),
        "depth": (1, 2, 3),
        "block0": ("conv", "skip"),
        "block1": ("conv", "skip"),
        "block2": ("conv", "skip"),
    }
    assert chain.numeric == {}


def test_combinations_hold_active_names_only_and_come_once() -> None:
    everything = list(chain)
    assert len(everything) == chain.size == 3 * (2 + 4 + 8)
    assert len({tuple(c.items()) for c in everything}) == chain.size
    for choices in everything:
        assert len(choices) == 2 + int(str(choices["depth"]))
    assert [dict(c) for c in everything[:3]] == [
        {"width": 4, "depth": 1, "block0": "conv"},
        {"width": 4, "depth": 1, "block0": "skip"},
        {"width": 4, "depth": 2, "block0": "conv", "block1": "conv"},
    ]


def test_isomorphic_networks_are_one_architecture() -> None:
    # Of depth 1 to 3, what counts is how many convolutions there are: 0 to 3.
    assert chain.members is not None
    assert len(chain.members) == 3 * 4
    first, second = (
        chain.architecture({"width": 4, "depth": 2, "block0": a, "block1": b})
        for a, b in (("conv", "skip"), ("skip", "conv"))
    )
    assert first == second
    assert first.key == second.key
    assert first != chain.architecture({"width": 8, "depth": 1, "block0": "conv"})


def test_completion_keeps_what_belongs_and_drops_what_does_not() -> None:
    given_: Choices = {"depth": 1, "block0": "skip", "block2": "conv", "other": 3}
    assert chain.completed(given_) == {"width": 4, "depth": 1, "block0": "skip"}
    assert list(chain.completed({"depth": 3})) == ["width", "depth", "block0", "block1", "block2"]


@given(st.integers(0, 2**32 - 1))
def test_a_sample_is_a_member_and_the_seed_decides_which(seed: int) -> None:
    sample = chain.sample(np.random.default_rng(seed))
    assert sample in list(chain)
    assert sample == chain.sample(np.random.default_rng(seed))


@settings(max_examples=15)
@given(combinations)
def test_costs_are_those_of_the_built_network(choices: Choices) -> None:
    network = chain.build(choices)
    assert not any(p.is_meta for p in network.parameters())
    assert network(torch.randn(2, 3, 8, 8)).shape == (2, 10)
    assert chain.costs(choices)["parameters"] == sum(p.numel() for p in network.parameters())
    assert chain.build(choices) is not network


@given(combinations)
def test_neighbours_are_members_with_another_answer(choices: Choices) -> None:
    for other in chain.neighbours(choices):
        assert other in list(chain)
        assert any(other.get(name) != value for name, value in choices.items())


def test_the_function_runs_once_for_what_is_already_known() -> None:
    runs = count()

    def counted(choose: Any) -> nn.Module:
        next(runs)
        return nn.Linear(4, choose("width", list(range(1, 65))))

    family = space(counted, input=ROW)
    assert family.size == 64
    assert not family.distinction.names  # each option was drawn once, to compare it
    before = next(runs)
    for seed in range(20):
        choices = family.sample(np.random.default_rng(seed))
        family.architecture(choices)
        family.costs(choices)
    middle_ = next(runs)
    assert middle_ - before - 1 <= 20
    for seed in range(20):
        family.architecture(family.sample(np.random.default_rng(seed)))
    assert next(runs) == middle_ + 1


def test_profiles_that_were_forgotten_are_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [(choices, chain.graph(choices).canonical_hash) for choices in chain]
    family = space(chain.function, input=IMAGE)
    assert family.size == len(every)
    monkeypatch.setattr("bonas.spaces.families.profiles._NODES", 30)
    for choices, key in every:
        assert family.architecture(choices).key == key
        assert family.completed(choices) == choices
    assert len(family._latest) < 10


def test_a_large_family_is_not_counted_but_bounded() -> None:
    @space(input=ROW)
    def wide(choose: Any) -> nn.Module:
        widths = [choose(f"w{i}", [1, 2, 3, 4]) for i in range(8)]
        ends = [4, *widths]
        return nn.Sequential(*(nn.Linear(a, b) for a, b in zip(ends, widths, strict=False)))

    assert wide.size == 4**8
    assert wide.members is None
    assert len(wide.reference) == wide.reference_size == 300
    seconds, traced = wide.trace_seconds
    assert seconds > 0
    assert traced >= 300


def test_an_optuna_builder_is_discovered() -> None:
    assert TRIALLED.distributions == {
        "quarter": CategoricalDistribution((1, 2, 3)),
        "act": CategoricalDistribution(("relu", "tanh")),
        "depth": CategoricalDistribution((1, 2)),
        "bias": CategoricalDistribution((True, False)),
    }
    assert TRIALLED.numeric == {
        "rate": FloatDistribution(0.0, 0.5),
        "seed": IntDistribution(0, 1_000),
    }
    assert TRIALLED.size == 3 * 2 * (1 + 2)


def test_numbers_are_in_no_graph_but_reach_the_network() -> None:
    choices: Choices = {"quarter": 1, "act": "relu", "depth": 1}
    rates = [TRIALLED.build({**choices, **n}).get_submodule("2").p for n in ({}, {"rate": 0.1})]  # type: ignore[dict-item]  # numbers
    assert rates == [0.25, 0.1]
    assert TRIALLED.graph({**choices, "rate": 0.1}) == TRIALLED.graph(choices)
    assert "rate" not in TRIALLED.completed({**choices, "rate": 0.1})


def test_a_builder_of_optuna_runs_in_a_real_study() -> None:
    """Check that the objective builds the network whose choices the trial stores."""
    sampler = bonas.ArchitectureSampler(TRIALLED, surrogate="gp", n_initial=5, seed=0)
    study = optuna.create_study(sampler=sampler)
    seen = []

    def objective(trial: optuna.Trial) -> float:
        network = TRIALLED(trial)
        seen.append(sum(p.numel() for p in network.parameters()))
        return float(seen[-1])

    study.optimize(objective, n_trials=9)
    for trial, parameters in zip(study.trials, seen, strict=True):
        choices = {n: x for n, x in trial.params.items() if n in TRIALLED.distributions}
        assert TRIALLED.completed(choices) == choices
        assert TRIALLED.costs(choices)["parameters"] == parameters
        assert trial.params.keys() - choices.keys() == {"rate", "seed"}
    assert study.best_value == min(TRIALLED.costs(c)["parameters"] for c in TRIALLED)


def test_a_trial_is_asked_in_the_order_of_the_function() -> None:
    trial = optuna.trial.FixedTrial(
        {"quarter": 2, "act": "tanh", "depth": 2, "bias": False, "rate": 0.1, "seed": 3}
    )
    choices = TRIALLED.suggest(trial)
    assert list(choices.items()) == [("quarter", 2), ("act", "tanh"), ("depth", 2), ("bias", False)]
    assert set(TRIALLED.suggest(optuna.trial.FixedTrial({**trial.params, "depth": 1}))) == {
        *("quarter", "act", "depth")
    }


def costs_of(candidate: Candidate) -> dict[str, float]:
    costs = candidate.space.costs(candidate.choices)
    return {"size": costs["parameters"], "work": costs["multiply_adds"]}


def test_a_family_is_searched_and_the_search_resumes(tmp_path: Path) -> None:
    def search(budget: int) -> bonas.SearchResult:
        return bonas.optimize(
            chain,
            budget,
            evaluate=costs_of,
            objectives={"size": "minimize", "work": "maximize"},
            surrogate="gp",
            storage=f"sqlite:///{tmp_path / 'family.db'}",
            seed=0,
            progress=False,
        )

    assert [c.number for c in search(8).candidates] == list(range(8))
    result = search(11)
    assert [c.number for c in result.candidates] == list(range(11))
    assert len({chain.architecture(c.choices) for c in result.candidates}) == 11
    network = result.front[0].build()
    assert sum(p.numel() for p in network.parameters()) == result.front[0].values["size"]


def test_a_conditional_number_is_asked_in_every_trial() -> None:
    def build(trial: Any) -> nn.Module:
        parts = [nn.Linear(4, trial.suggest_categorical("width", [2, 4]))]
        if trial.suggest_categorical("drop", [False, True]):
            parts.append(nn.Dropout(trial.suggest_float("rate", 0.1, 0.5)))  # type: ignore[arg-type]  # a list of modules
        return nn.Sequential(*parts)

    result = bonas.optimize(
        space(build, input=ROW),
        4,
        evaluate=lambda c: {"size": float(sum(p.numel() for p in c.build().parameters()))},
        objectives={"size": "minimize"},
        surrogate="random",
        seed=0,
        progress=False,
    )
    assert all("rate" in c.trial.params for c in result.candidates)


def test_networks_over_a_bound_are_no_members() -> None:
    def sizes(**bounds: float) -> list[dict[str, float]]:
        family = space(chain.function, input=IMAGE, **bounds)  # type: ignore[call-overload]  # by name
        return [family.costs(choices) for choices in family]

    every = sizes()
    for limit in (200.0, 1_000.0, 3_000.0):
        assert sizes(max_params=limit) == [c for c in every if c["parameters"] <= limit]
    assert sizes(max_flops=5e4) == [c for c in every if 2 * c["multiply_adds"] <= 5e4]
    assert 0 < len(sizes(max_memory=5_000)) < len(every)


def test_a_sample_is_found_where_hardly_a_network_is_small_enough() -> None:
    @space(input=ROW, max_params=4 * 1 + 1 + 7 * 2)
    def narrow(choose: Any) -> nn.Module:
        widths = [choose(f"w{i}", [1, 2, 3, 4, 5, 6]) for i in range(8)]
        ends = [4, *widths]
        return nn.Sequential(*(nn.Linear(a, b) for a, b in zip(ends, widths, strict=False)))

    # Only one of 6**8 networks: every width is 1.
    assert prod(len(d.choices) for d in narrow.distributions.values()) == 6**8
    assert set(narrow.sample(np.random.default_rng(0)).values()) == {1}
    assert narrow.rejected == {"over max_params=19": sum(narrow.rejected.values())}


def test_bounds_that_no_network_keeps_are_named() -> None:
    family = space(chain.function, input=IMAGE, max_params=10, max_flops=10)
    with pytest.raises(
        InvalidSpace,
        match=r"none of 1,000 random draws of chain is valid \(1000 x over max_params=10; 1000 x "
        r"over max_flops=10\); raise the bounds",
    ):
        family.sample(np.random.default_rng(0))


def test_choices_that_the_function_refuses_are_not_valid() -> None:
    @space(input=ROW)
    def heads(choose: Any) -> nn.Module:
        width, parts = choose("width", [4, 6]), choose("parts", [2, 4])
        if width % parts:
            raise ValueError(f"{width} is no multiple of {parts}")
        return nn.Linear(4, width)

    assert [tuple(c.values()) for c in heads] == [(4, 2), (4, 4), (6, 2)]
    assert heads.rejected == {"ValueError: 6 is no multiple of 4": 1}
    assert not heads.is_valid({"width": 6, "parts": 4})
    with pytest.raises(InvalidSpace, match=r"heads gives no network for .* 6 is no multiple of 4"):
        heads.graph({"width": 6, "parts": 4})


def test_networks_that_do_not_run_are_invalid_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @space(input=IMAGE)
    def deep(choose: Any) -> nn.Module:
        halvings = choose("halvings", [1, 2, 3, 4, 5])
        return nn.Sequential(*(nn.MaxPool2d(2) for _ in range(halvings)))

    with caplog.at_level(logging.WARNING):
        assert [c["halvings"] for c in deep] == [1, 2, 3]
    assert sum("a network of deep fails on the example" in m for m in caplog.messages) == 1
    (reason,) = {reason.split(":")[0] for reason in deep.rejected}
    assert reason == "running it"


BAD_CHOICES: dict[str, tuple[Choices, str]] = {
    "missing": ({"width": 4, "depth": 1}, r"missing \['block0'\], unknown \[\]"),
    "inactive": ({"width": 4, "depth": 1, "block0": "skip", "block1": "skip"}, r"\['block1'\]"),
    "no option": ({"width": 5, "depth": 1, "block0": "skip"}, r"one of \[4, 8, 16\], got 5"),
}


@pytest.mark.parametrize("case", BAD_CHOICES)
def test_incomplete_or_unknown_choices_are_refused(case: str) -> None:
    choices, message = BAD_CHOICES[case]
    with pytest.raises(InvalidSpace, match=message):
        chain.architecture(choices)


def test_graph_and_build_need_complete_choices() -> None:
    with pytest.raises(InvalidSpace, match=r"asks for \['block0', 'depth', 'width'\], got \['dep"):
        chain.graph({"depth": 1})
    with pytest.raises(InvalidSpace, match="the choice 'block0' is missing"):
        chain.build({"width": 4, "depth": 1})


def test_several_inputs_are_arguments() -> None:
    class Two(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(4, width), nn.Linear(3, width)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            out: Tensor = self.left(a) * self.right(b)
            return out

    two = space(lambda choose: Two(choose("width", [2, 5])), input=(ROW, torch.zeros(1, 3)))
    assert two.costs({"width": 5})["multiply_adds"] == 5 * 4 + 5 * 3
    assert two.graph({"width": 5}).labels[1:3] == ("argument(0)", "argument(1)")


def test_a_description_survives_json() -> None:
    family = space(chain.function, input=IMAGE, max_params=1e6)
    assert json.loads(json.dumps(family.describe())) == {
        "space": "chain",
        "parameters": {name: list(d.choices) for name, d in chain.distributions.items()},
        "input": [[1, 3, 8, 8]],
        "max_params": 1e6,
    }
    assert "max_params" not in chain.describe()


def test_a_family_at_the_top_of_a_module_can_be_pickled() -> None:
    again = pickle.loads(pickle.dumps(TRIALLED))
    assert isinstance(again, Family)
    assert again.describe() == TRIALLED.describe()
    assert hash(again) != hash(TRIALLED)
    assert pickle.loads(pickle.dumps(chain)) is chain
