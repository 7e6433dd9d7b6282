"""A bound holds for the networks that are trained, also where a width is a range."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import torch
from torch import nn

import bonas
from bonas.evaluation import Candidate

MOST = 3_000
ROW = torch.zeros(2, 16)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def equal_widths(trial: Any) -> nn.Module:
    layers, width = [], 16
    for _ in range(trial.suggest_int("layers", 1, 3)):
        units = trial.suggest_int("units", 4, 256)
        layers += [nn.Linear(width, units), nn.ReLU()]
        width = units
    return nn.Sequential(
        *layers, nn.Dropout(trial.suggest_float("rate", 0, 0.5)), nn.Linear(width, 2)
    )


def own_widths(trial: Any) -> nn.Module:
    """Build layers of different widths; shallow networks do not ask for all of them."""
    layers, width = [], 16
    for i in range(trial.suggest_int("layers", 1, 3)):
        units = trial.suggest_int(f"units{i}", 2, 512, log=True)
        layers += [nn.Linear(width, units), nn.ReLU()]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 2))


def multiplied(trial: Any) -> nn.Module:
    """Build a network whose width is a multiple of a number."""
    width = int(8 * trial.suggest_float("factor", 0.25, 32.0))
    act = {"relu": nn.ReLU, "tanh": nn.Tanh}[trial.suggest_categorical("act", ["relu", "tanh"])]
    return nn.Sequential(nn.Linear(16, width), act(), nn.Linear(width, width), nn.Linear(width, 2))


BUILDERS = [equal_widths, own_widths, multiplied]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("goals", [1, 2])
def test_no_network_over_the_bound_is_trained(build: Any, goals: int) -> None:
    sizes = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        sizes.append(count(candidate.build()))
        return {"size": float(sizes[-1]), "depth": float(len(candidate.choices))}

    result = bonas.optimize(
        bonas.space(build, input=ROW, max_params=MOST),
        13,
        evaluate=evaluate,
        objectives=dict(list({"size": "maximize", "depth": "minimize"}.items())[:goals]),  # type: ignore[arg-type]  # directions
        surrogate="gp",
        progress=False,
        seed=0,
    )
    assert len(sizes) == 13
    assert max(sizes) <= MOST
    assert max(sizes[:10]) < max(sizes[10:])  # a model looks for the bound
    assert result.best().values["size"] == max(sizes)


@pytest.mark.parametrize("build", BUILDERS)
def test_a_custom_objective_trains_no_network_over_the_bound_either(build: Any) -> None:
    """Check a family in a plain study, whose objective asks in the order of the function."""
    family = bonas.space(build, input=ROW, max_params=MOST)
    study = optuna.create_study(
        sampler=bonas.ArchitectureSampler(family, surrogate="gp", n_initial=6, seed=1)
    )
    sizes = []

    def objective(trial: optuna.Trial) -> float:
        sizes.append(count(family(trial)))
        return -float(sizes[-1])

    study.optimize(objective, n_trials=9)
    assert len(sizes) == 9
    assert max(sizes) <= MOST


def test_random_networks_are_not_all_on_the_bound() -> None:
    family = bonas.space(equal_widths, input=ROW, max_params=MOST)
    sizes = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        sizes.append(count(candidate.build()))
        return {"size": float(sizes[-1])}

    bonas.optimize(
        family,
        12,
        evaluate=evaluate,
        objectives={"size": "maximize"},
        surrogate="random",
        progress=False,
        seed=0,
    )
    assert max(sizes) <= MOST
    assert len(set(sizes)) > 8
    assert sum(size < 0.9 * MOST for size in sizes) > 5


def test_a_range_whose_middle_breaks_the_bound_keeps_its_lower_part() -> None:
    family = bonas.space(equal_widths, input=ROW, max_params=MOST)
    for layers in (1, 2, 3):
        choices = {"layers": layers}
        assert family.is_valid(choices)
        assert family.costs(choices)["parameters"] <= MOST
        assert count(family.build(choices)) == family.costs(choices)["parameters"]
        assert family.is_valid({**choices, "units": 4})
        assert not family.is_valid({**choices, "units": 256})
    # with one layer the middle, 130, is small enough: 16 * 130 + 130 + 2 * 130 + 2
    assert family.costs({"layers": 1})["parameters"] == 2472


def test_choices_whose_smallest_network_is_over_the_bound_are_not_valid() -> None:
    family = bonas.space(equal_widths, input=ROW, max_params=90)
    assert [choices["layers"] for choices in family] == [1]  # 78, 98 and 118 parameters at least
    assert family.fitting({"layers": 2}, {"units": 9, "rate": 0.1}) is None


def test_a_rate_stays_where_sizes_suffice() -> None:
    family = bonas.space(equal_widths, input=ROW, max_params=MOST)
    found = family.fitting({"layers": 3}, {"units": 200, "rate": 0.4})
    assert found is not None
    assert found["rate"] == 0.4
    assert 4 < found["units"] < 200
    assert family.is_valid({"layers": 3, **found})
    assert family.fitting({"layers": 3}, found) == found


def test_floating_point_operations_and_memory_are_bounded_as_well() -> None:
    for limit in ({"max_flops": 4_000.0}, {"max_memory": 9_000.0}):
        family = bonas.space(equal_widths, input=ROW, **limit)  # type: ignore[call-overload]  # by name
        found = family.fitting({"layers": 3}, {"units": 200, "rate": 0.4})
        assert found is not None
        assert family.is_valid({"layers": 3, **found})
