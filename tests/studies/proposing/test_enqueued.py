"""An enqueued trial that is no architecture costs one trial; an incomplete one is completed."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import TrialState
from torch import nn

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace

SPACE = MLPSpace(inputs=4, classes=3, depths=(1, 2), widths=(8, 16), norms=("none",))


@bonas.space(input=torch.zeros(1, 4))
def family(choose: Any) -> nn.Module:
    layers: list[nn.Module] = []
    width = 4
    for i in range(choose("depth", [1, 2])):
        before, width = width, choose(f"width{i}", [4, 8])
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(choose.suggest_float("rate", 0.0, 0.5)))


def evaluate(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": float(candidate.number)}


def search(space: bonas.Space, budget: int, storage: str, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"evaluate": evaluate, "surrogate": "random", "seed": 0, **more}
    return bonas.optimize(
        space,
        budget,
        objectives={"accuracy": "maximize"},
        storage=storage,
        progress=False,
        **given,
    )


@pytest.mark.parametrize(
    ("space", "params", "said"),
    [
        (SPACE, {"depth": 1, "layer1_width": 24}, "'layer1_width' is 24"),
        (SPACE, {"depth": "1"}, "'depth' is '1'"),
        (SPACE, {"depth": [1]}, r"'depth' is \[1\]"),
        (SPACE, {"depth": None}, "'depth' is None"),
        (SPACE, {"depth": 1, "layer1_width": 8, "layer2_width": 8}, "'layer2_width'"),
        (SPACE, {"deepth": 1}, "'deepth'"),
        (SPACE, {"edge_0_1": "none", "edge_0_2": "none"}, "'edge_0_1'"),
        (family, {"depth": 1, "width0": 5, "rate": 0.1}, "'width0' is 5"),
        (family, {"depth": 1, "width0": 4, "rate": 0.9}, "'rate' is 0.9"),
        (family, {"rate": "high"}, "'rate' is 'high'"),
        (family, {"rate": float("inf")}, "'rate' is inf"),
        (family, {"depth": 1, "width0": 4, "width1": 4}, "'width1'"),
    ],
)
def test_what_is_impossible_costs_one_trial_and_is_told_by_name(
    space: bonas.Space,
    params: dict[str, Any],
    said: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = str(tmp_path / "s.log")
    search(space, 2, storage).study.enqueue_trial(params)
    for _ in range(2):
        found = search(space, 4, storage)
        assert [t.state for t in found.study.trials].count(TrialState.FAIL) == 1
        assert len(found.candidates) == 3
    assert list(found.failures) == [2]
    (logged,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert re.search(said, logged)
    assert re.search(said, found.failures[2])


def test_workers_are_told_the_same(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    search(SPACE, 1, storage).study.enqueue_trial({"depth": 3})
    found = search(SPACE, 4, storage, n_jobs=2, executor=ThreadPoolExecutor(2))
    assert (len(found.candidates), list(found.failures), found.missing) == (3, [1], 0)


def test_a_combination_that_the_space_forbids_is_not_trained(tmp_path: Path) -> None:
    space = bonas.space(_perceptron, input=torch.zeros(1, 4), max_params=50)
    storage = str(tmp_path / "s.log")
    search(space, 1, storage).study.enqueue_trial({"width": 64})
    found = search(space, 3, storage)
    assert "does not allow the combination" in found.failures[1]
    assert all(c.choices["width"] != 64 for c in found.candidates)


def _perceptron(choose: Any) -> nn.Module:
    return nn.Linear(4, choose("width", [2, 4, 6, 8, 64]))


def test_what_is_missing_is_completed_to_a_valid_architecture_that_is_new(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    study = search(family, 1, storage).study
    for _ in range(4):  # of the four of this depth
        study.enqueue_trial({"depth": 2})
    found = search(family, 5, storage)
    assert [c.choices["depth"] for c in found.candidates[1:]] == [2] * 4
    assert (
        len({family.architecture(c.choices) for c in found.candidates if len(c.choices) == 3}) == 4
    )


def test_a_parameter_of_the_evaluation_may_be_enqueued(tmp_path: Path) -> None:
    """Before anybody can know that it will be asked for, too."""

    def rated(candidate: Candidate) -> dict[str, float]:
        return {"accuracy": candidate.trial.suggest_float("lr", 0.0, 1.0)}  # type: ignore[union-attr]  # it runs

    storage = str(tmp_path / "s.log")
    study = search(SPACE, 1, storage, evaluate=rated).study
    study.enqueue_trial({"lr": 0.25})
    study.enqueue_trial({"lr": 2.5})
    found = search(SPACE, 3, storage, evaluate=rated)
    assert found.candidates[1].values == {"accuracy": 0.25}
    assert "'lr' is 2.5" in found.failures[2]
