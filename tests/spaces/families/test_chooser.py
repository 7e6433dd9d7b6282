"""A chooser is the Optuna trial that a builder expects, and takes options of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FixedTrial
from torch import nn

import bonas
from bonas.errors import BonasError, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces.families.chooser import Chooser, replayed

ROW = torch.zeros(1, 8)


def perceptron(units: int, *more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(8, units), nn.ReLU(), *more, nn.Linear(units, 2))


def annotating(trial: Any) -> nn.Module:
    units = trial.suggest_categorical("units", [8, 16])
    trial.set_user_attr("squared", units * units)
    assert trial.user_attrs["squared"] == units**2
    trial.set_constraint("small", units - 8.0)
    assert trial.constraints["small"] == units - 8.0
    return perceptron(units)


def reading(trial: Any) -> nn.Module:
    trial.suggest_categorical("units", [8, 16])
    trial.suggest_float("rate", 0.0, 0.5)
    assert trial.distributions["rate"] == FloatDistribution(0.0, 0.5)
    assert isinstance(trial, optuna.trial.BaseTrial)
    assert isinstance(trial.number, int)
    assert trial.datetime_start is not None
    assert set(trial.params) == {"units", "rate"}
    return perceptron(trial.params["units"], nn.Dropout(trial.params["rate"]))


def deprecated(trial: Any) -> nn.Module:
    units = trial.suggest_categorical("units", [8, 16])
    trial.set_system_attr("kind", "deprecated")
    assert trial.system_attrs == {"kind": "deprecated"}
    rates = (
        trial.suggest_uniform("a", 0.0, 0.5),
        trial.suggest_loguniform("b", 1e-3, 0.5),
        trial.suggest_discrete_uniform("c", 0.0, 0.4, 0.2),
        trial.suggest_int("d", 0, 100, 2, False) / 1e3,
        trial.suggest_float("e", 1e-3, 0.4, None, True),
    )
    return perceptron(units, *map(nn.Dropout, rates))


def reporting(trial: Any) -> nn.Module:
    trial.report(1.0, 0)
    if trial.should_prune():
        raise optuna.TrialPruned
    return perceptron(trial.suggest_int("units", 8, 16, step=8))


@pytest.mark.parametrize("builder", [annotating, reading, deprecated, reporting])
def test_a_chooser_has_what_a_trial_has(builder: Callable[[Any], nn.Module]) -> None:
    family = bonas.space(builder, input=ROW)
    assert family.size == 2
    seen = []

    def objective(trial: optuna.Trial) -> float:
        seen.append(sum(p.numel() for p in family(trial).parameters()))
        return float(seen[-1])

    study = optuna.create_study(sampler=bonas.ArchitectureSampler(family, seed=0))
    study.optimize(objective, n_trials=2)
    assert set(seen) <= {8 * 9 + 2 * 9, 16 * 9 + 2 * 17}


def test_deprecated_suggestions_have_the_ranges_of_suggest_float() -> None:
    assert bonas.space(deprecated, input=ROW).numeric == {
        "a": FloatDistribution(0.0, 0.5),
        "b": FloatDistribution(1e-3, 0.5, log=True),
        "c": FloatDistribution(0.0, 0.4, step=0.2),
        "d": IntDistribution(0, 100, step=2),
        "e": FloatDistribution(1e-3, 0.4, log=True),
    }


def test_attributes_that_a_builder_sets_are_stored_in_the_trial_of_a_search() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        candidate.build()
        return {"units": float(candidate.choices["units"])}  # type: ignore[arg-type]  # a number

    result = bonas.optimize(
        bonas.space(annotating, input=ROW),
        2,
        evaluate=evaluate,
        objectives={"units": "minimize"},
        surrogate="random",
        progress=False,
        seed=0,
    )
    for trial in result.study.trials:
        assert trial.user_attrs["squared"] == trial.params["units"] ** 2
        assert trial.constraints == {"small": trial.params["units"] - 8.0}
    result.candidates[0].build()  # the trial is finished: nothing is stored


def test_parameters_suggested_before_the_network_are_among_its_own() -> None:
    chooser = Chooser(replayed({}), trial=FixedTrial({"lr": 0.1}, number=7))
    chooser._trial.suggest_float("lr", 0.0, 1.0)  # type: ignore[union-attr]  # it has one
    assert chooser.number == 7
    assert chooser("width", [2, 3]) == 2
    assert chooser.params == {"lr": 0.1, "width": 2}


def test_attributes_that_no_trial_has_and_bad_ranges_are_refused() -> None:
    chooser = Chooser(replayed({}))
    assert not hasattr(chooser, "suggest_colour")
    with pytest.raises(InvalidSpace, match=r"got 'suggest_colour'; there are .*suggest_float"):
        chooser.suggest_colour("a")
    with pytest.raises(InvalidSpace, match="a user attribute cannot be named 'bonas:index'"):
        chooser.set_user_attr("bonas:index", 3)
    with pytest.raises(InvalidSpace, match="the range of 'n' is invalid"):
        chooser.suggest_int("n", 3, 1)
    with pytest.raises(InvalidSpace, match="the range of 'r' is invalid"):
        chooser.suggest_float("r", 0.0, 1.0, log=True)
    with pytest.raises(InvalidSpace, match="the range of 'n' must be of whole numbers"):
        chooser.suggest_int("n", 1.5, 3)  # type: ignore[arg-type]  # that is the point


def test_a_range_may_be_of_numpy_numbers_and_end_between_steps() -> None:
    chooser = Chooser(replayed({}))
    assert chooser.suggest_int("n", np.int64(1), np.int64(9), step=3) == 1  # type: ignore[arg-type]  # NumPy's
    assert chooser.asked["n"] == (1, 4, 7)
    chooser.suggest_int("m", 0, 100, step=3)
    assert chooser.numeric["m"] == IntDistribution(0, 99, step=3)


def test_a_study_stores_names_and_the_builder_gets_objects() -> None:
    @bonas.space(input=torch.zeros(2, 8), identity="choices")
    def family(choose: Any) -> nn.Module:
        layers, before = [], 8
        for width in choose("sizes", [[4], [4, 6], (5, np.int64(3))]):
            layers += [nn.Linear(before, width), choose("act", [nn.ReLU, nn.Tanh])()]
            before = width
        norm = choose("norm", {"bn": lambda: nn.BatchNorm1d(before), None: nn.Identity})
        return nn.Sequential(*layers, norm).to(choose("dtype", [torch.float32, torch.float64]))

    assert family.distributions["sizes"].choices == ("[4]", "[4, 6]", "(5, 3)")
    assert family.distributions["act"].choices == ("ReLU", "Tanh")
    network = family.build(
        {"sizes": "[4, 6]", "act": "Tanh", "norm": "bn", "dtype": "torch.float64"}
    )
    assert isinstance(network.get_submodule("1"), nn.Tanh)
    assert next(network.parameters()).dtype == torch.float64
    result = bonas.optimize(
        family,
        3,
        evaluate=lambda c: {"size": float(sum(p.numel() for p in c.build().parameters()))},
        objectives={"size": "minimize"},
        surrogate="random",
        progress=False,
        seed=0,
    )
    assert not result.failures


def test_networks_do_not_share_the_weights_of_an_option() -> None:
    stem = nn.Linear(8, 4)

    @bonas.space(input=ROW)
    def family(choose: Any) -> nn.Module:
        parts = choose("stem", {"own": stem, "new": lambda: nn.Linear(8, 4)})
        return nn.Sequential(parts, choose("act", [nn.ReLU(), nn.Tanh()]))

    assert family.size == 4
    assert not stem.weight.is_meta
    one, other = (family.build({"stem": "own", "act": "ReLU()"}) for _ in range(2))
    assert torch.equal(next(one.parameters()), stem.weight)
    with torch.no_grad():
        next(one.parameters()).zero_()
    assert torch.equal(next(other.parameters()), stem.weight)


def block(width: int) -> nn.Module:
    return nn.Linear(width, width)


NEEDY: dict[str, tuple[Any, str]] = {
    "a class": (nn.BatchNorm2d, r"wrap it in a function: lambda: nn\.BatchNorm2d\(num_features\)"),
    "a function": (block, r"wrap it in a function: lambda: block\(width\)"),
    "one in C": (torch.relu, r"wrap it in a function: lambda: relu\(x\)"),
}


@pytest.mark.parametrize("case", NEEDY)
def test_an_option_that_needs_arguments_is_refused_with_a_remedy(case: str) -> None:
    option, message = NEEDY[case]
    family = bonas.space(
        lambda choose: nn.Sequential(choose("norm", {"x": option, "none": nn.Identity})), input=ROW
    )
    with pytest.raises(BonasError, match=message):
        _ = family.distributions
