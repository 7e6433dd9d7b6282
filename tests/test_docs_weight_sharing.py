"""The programs of docs/weight_sharing.md run one after the other, with small budgets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch

import bonas
from bonas.supernets import Supernet

PAGE = Path(__file__).parents[1] / "docs" / "weight_sharing.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the page in an empty folder; return what it defines, with all its results."""
    found: dict[str, Any] = {"__name__": "weight_sharing", "results": []}
    optimize, finalize = bonas.optimize, bonas.finalize
    fit, scores = Supernet.fit, Supernet.scores

    def searched(space: Any, budget: int, **settings: Any) -> Any:
        brief = {10: 5, 30: 1, 200: 3}[budget]
        surrogate = "mixture" if "warm_start" in settings else "random"
        given = {"progress": False, "surrogate": surrogate, "seed": 0, **settings}
        found["results"].append(optimize(space, brief, **given))
        return found["results"][-1]

    def finalized(result: Any, **settings: Any) -> Any:
        return finalize(result, 1, seeds=1, progress=False, **{**settings, "epochs": 1})

    def fitted(supernet: Supernet, paths: int, **settings: Any) -> Any:
        return fit(supernet, paths // 200, progress=False, **settings)

    def scored(supernet: Supernet, of: int = 500, **settings: Any) -> Any:
        return scores(supernet, of // 25, **settings)

    search = bonas.gradient_search.search

    def descended(space: Any, training: Any, **settings: Any) -> Any:
        return search(space, training, **settings, steps=2, progress=False)

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        patch.setattr(bonas, "optimize", searched)
        patch.setattr(bonas, "finalize", finalized)
        patch.setattr(bonas.gradient_search, "search", descended, raising=False)
        patch.setattr(Supernet, "fit", fitted)
        patch.setattr(Supernet, "scores", scored)
        patch.setattr(torch, "rand", lambda n, *shape: torch.zeros(min(n, 2), *shape))
        for place, code in enumerate(BLOCK.findall(PAGE.read_text())):
            exec(compile(code, f"{PAGE}:{place}", "exec"), found)
    optuna.logging.set_verbosity(verbosity)
    return found


def test_no_network_of_the_page_fails(names: dict[str, Any]) -> None:
    report, knowledge, fidelity, once_for_all, proposed, resumed = names["results"]
    assert not any(each.failures for each in names["results"])
    assert [goal.name for goal in report.objectives] == ["accuracy"]
    assert [goal.name for goal in knowledge.objectives] == ["accuracy"]
    assert [goal.name for goal in fidelity.objectives] == ["accuracy"]
    assert proposed.study.study_name != resumed.study.study_name == "bonas"
    assert [goal.name for goal in once_for_all.objectives] == ["inherited_loss", "latency"]
    assert all("inherited_accuracy" in c.trial.user_attrs for c in once_for_all.candidates)


def test_the_rule_is_the_one_of_the_table(names: dict[str, Any]) -> None:
    assert names["record"].rule == "sandwich"
    section = PAGE.read_text().partition("## How it is trained")[2]
    rules = re.findall(r'^\| `"(\w+)"` \|', section, re.M)
    assert sorted(rules) == ["fair", "sandwich", "shrinking", "uniform"]


def test_the_final_network_is_fine_tuned_from_the_supernet(names: dict[str, Any]) -> None:
    assert names["final"].best.training.initial is not None
    assert names["final"].best.test is not None


def test_the_loaded_supernet_has_the_weights_and_the_score_of_the_saved_one(
    names: dict[str, Any],
) -> None:
    assert names["supernet"].score(names["choices"]) == names["score"]


def test_the_declared_blocks_are_shared_by_halves(names: dict[str, Any]) -> None:
    space = names["gated"]
    space = space() if not isinstance(space, bonas.Space) else space
    shared = Supernet(space)
    wide, narrow = ({"width": width} for width in (32, 8))
    shared.cover(wide)
    large, small = (shared.extract(choices) for choices in (wide, narrow))
    of_large, of_small = (dict(each.named_parameters())["0.weight"] for each in (large, small))
    halves = of_large.view(2, 32, 8)[:, :8].reshape(16, 8)
    assert np.array_equal(halves.detach().numpy(), of_small.detach().numpy())
