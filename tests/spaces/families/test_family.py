"""Any function that builds a network is a space: discovered, profiled, bounded, searched."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
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


def drifting() -> Callable[[Any], nn.Module]:
    runs = count()
    return lambda choose: nn.Linear(4, choose("width", [2 + next(runs), 1]))


def hidden() -> Callable[[Any], nn.Module]:
    runs = count(1)

    def build(choose: Any) -> nn.Module:
        choose("width", [2, 3])
        return nn.Linear(4, next(runs))

    return build


def twice(choose: Any) -> nn.Module:
    return nn.Linear(choose("width", [4, 8]), choose("width", [4, 16]))


def elsewhere(choose: Any) -> nn.Module:
    options = [1, 2] if choose("small", [True, False]) else [3, 4]
    return nn.Linear(4, choose("width", options))


def both(trial: Any) -> nn.Module:
    width = trial.suggest_int("width", 1, 4)
    return nn.Linear(width, trial.suggest_int("width", 1, 100))


def failing(choose: Any) -> nn.Module:
    raise RuntimeError(f"no {choose('width', [2, 3])}")


def fixed(choose: Any) -> nn.Module:
    return nn.Linear(4, choose("width", [2]))


def rare(choose: Any) -> nn.Module:
    digits = [choose(f"d{i}", list(range(10))) for i in range(6)]
    return nn.Linear(4, choose("late", [1, 2]) if digits == [7, 3, 9, 1, 8, 2] else 1)


BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "other options in one network": (
        twice,
        r"'width' is asked for twice in one network, with the options \[4, 16\] and \[4, 8\]",
    ),
    "other options in another network": (
        elsewhere,
        r"asks for 'width' of \[3, 4\], but of \[1, 2\] in another network; give each list",
    ),
    "a choice and a number": (both, r"'width' is asked for as IntDistribution.*, but was \(1, 2,"),
    "questions that change": (drifting(), r"after the same choices .* once and for .* now"),
    "networks that change": (hidden(), r"two different networks of {'width': [23]}"),
    "always an error": (failing, r"failing fails for all of 2 choices: 1 x RuntimeError: no"),
    "no choice": (fixed, r"fixed asks for no choice with at least two options"),
    "no network": (lambda choose: choose("a", [1, 2]), r"must return a torch.nn.Module, got 1"),
    "options of equal names": (
        lambda choose: choose("a", [nn.Linear(4, 2), nn.Linear(4, 2)]),
        r"'a' has two options named 'Linear\(in",
    ),
    "a word": (lambda choose: choose("a", "relu"), r"must be a non-empty list or a dict, got 'r"),
    "none at all": (lambda choose: choose("a", []), r"must be a non-empty list or a dict, got \[]"),
    "a repeated option": (lambda choose: choose("a", [1, 1]), r"'a' repeats an option: \[1, 1\]"),
    "no name": (lambda choose: choose(3, [1, 2]), r"a choice needs a name, .* got 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_functions_are_refused(case: str) -> None:
    function, message = BROKEN[case]
    with pytest.raises(InvalidSpace, match=message):
        _ = space(function, input=ROW).distributions


def test_a_name_that_no_discovery_met_is_refused_with_the_known_names() -> None:
    family = space(rare, input=ROW)
    assert "late" not in family.distributions
    found = dict(zip((f"d{i}" for i in range(6)), (7, 3, 9, 1, 8, 2), strict=True))
    with pytest.raises(
        InvalidSpace, match=r"rare asks for 'late' of \[1, 2\], which no run .*'d5'"
    ):
        family.completed(found)


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
