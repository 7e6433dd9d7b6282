"""What a stranger does: search a space by gradients, and give what was found to a study."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import ParameterCount, ShortTraining
from bonas.gradient_search import GradientResult, search
from bonas.gradient_search.guards import check_mode
from bonas.spaces import (
    CellSpace,
    Choices,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    Space,
    TransformerSpace,
)


def block(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())


@bonas.space(input=torch.zeros(1, 1, 8, 8))
def family(choose: Any) -> nn.Module:
    width = choose("width", [4, 8])
    layers = [nn.Conv2d(1, width, 3, padding=1)]
    for i in range(choose("depth", [1, 2])):
        options = {"conv": lambda: block(width), "pool": nn.AvgPool2d(3, 1, 1), "no": nn.Identity}
        layers.append(choose(f"block{i}", options))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))


SPACES = {
    "cells": CellSpace(
        3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"), 4, 1, 1, 2, 1, 8
    ),
    "darts": DARTSSpace.small(classes=2),
    "mobile": MobileSpace.small(classes=2),
    "family": family,
    "transformers": TransformerSpace(
        patch=4, image_size=8, in_channels=1, classes=2, depths=(1, 2), widths=(8,), heads=(1, 2)
    ),
    "mlp": MLPSpace(64, 2),
}
GATES = ("cells", "darts", "mobile", "family")
RUNS = [
    *product(["gdas", "proxyless"], GATES),
    *product(["enas"], SPACES),
    ("darts", "cells"),
    ("darts", "darts"),
]
REFUSED = [
    *product(["gdas", "proxyless"], ["transformers", "mlp"]),
    *product(["darts", "darts-2nd"], ["mobile", "family", "transformers", "mlp"]),
]


def training(space: Space) -> ShortTraining:
    x = np.random.default_rng(0).normal(size=(60, 1, 8, 8)).astype("float32")
    y = (x.mean((1, 2, 3)) > 0).astype(int)
    return ShortTraining(
        (x.reshape(60, 64) if isinstance(space, MLPSpace) else x, y), batch_size=16, test=0.0
    )


@pytest.mark.filterwarnings("ignore:.*selected a network that is refused")
@pytest.mark.parametrize(("method", "name"), RUNS)
def test_what_is_found_is_a_candidate_of_a_study(method: str, name: str) -> None:
    space = SPACES[name]
    found = search(space, training(space), method=method, steps=3, progress=False)
    assert isinstance(found, GradientResult)
    assert (found.method, found.steps) == (method, 3)
    assert space.allows(found.choices)
    some = found.candidates(3, 0)
    assert some[0] == found.choices
    assert np.isfinite([found.policy.log_prob(each).item() for each in some]).all()
    if name in ("cells", "mobile"):
        result = bonas.optimize(
            space, 2, evaluate=ParameterCount(), candidates=found, seed=0, progress=False
        )
        assert found.choices in [trial.params for trial in result.study.trials]


@pytest.mark.parametrize(("method", "name"), REFUSED)
def test_where_a_method_cannot_search_the_error_names_one_that_can(method: str, name: str) -> None:
    space = SPACES[name]
    with pytest.raises(InvalidArgument, match='search by method="enas"'):
        search(space, training(space), method=method, steps=1, progress=False)


def test_the_package_exports_what_strangers_need() -> None:
    assert set(dir(bonas.gradient_search)) == {"GradientResult", "Policy", "search"}
    assert callable(bonas.gradient_search.search)
    from bonas.gradient_search import searching

    assert bonas.gradient_search.search is searching.search
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        bonas.gradient_search.magic  # noqa: B018  # the access is the test


ALL = ("darts", "gdas", "proxyless", "enas")
CELLS = CellSpace(3, ("skip_connect", "nor_conv_1x1", "nor_conv_3x3"), 2, 1, 1, 2, 1, 8)
ROW = {"skip_connect": 0.1, "nor_conv_1x1": 1.0, "nor_conv_3x3": 9.0}
TABLE = dict.fromkeys(CELLS.parameters, ROW)


def cost_of(choices: Choices) -> float:
    return sum(ROW[str(option)] for option in choices.values())


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("cost", [TABLE, cost_of], ids=["table", "function"])
def test_a_strong_penalty_ends_at_the_cheapest_network_with_parameters(
    method: str, cost: Any
) -> None:
    with pytest.warns(UserWarning, match="its cell has no parameters"):
        found = search(
            CELLS,
            training(CELLS),
            method=method,
            steps=80,
            learning_rate=0.1,
            cost=cost,
            cost_weight=100.0,
            progress=False,
        )
    assert found.refused == dict.fromkeys(CELLS.parameters, "skip_connect")
    cheapest = min(cost_of(choices) for choices in CELLS if not check_mode(CELLS, choices))
    assert cost_of(found.choices) == pytest.approx(cheapest)
    assert all(check_mode(CELLS, each) == [] for each in found.candidates(5, 0))


@pytest.mark.parametrize("method", ALL)
@pytest.mark.filterwarnings("ignore:.*selected a network that is refused")
def test_a_weight_of_zero_changes_nothing(method: str) -> None:
    def state(**penalty: Any) -> Any:
        own = {"method": method, "steps": 3, "progress": False}
        return search(CELLS, training(CELLS), **own, **penalty).policy.state()

    assert state(cost=TABLE, cost_weight=0.0) == state()
    assert state(cost=TABLE, cost_weight=1.0) != state()
