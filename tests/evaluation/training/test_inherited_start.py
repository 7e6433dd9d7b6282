"""Facts about short trainings that start from inherited weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidArgument, StudyMismatch
from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace, NASBench201

SPACE = NASBench201(channels=4, cells=1, stages=1)


def search(folder: Path, budget: int, inherit: bool = True, **more: Any) -> bonas.SearchResult:
    folder.mkdir(exist_ok=True)
    training = ShortTraining(epochs=1, keep_weights=folder / "weights", inherit=inherit)
    settings = {"storage": str(folder / "search.log"), "seed": 1, "surrogate": "random", **more}
    return bonas.optimize(SPACE, budget, evaluate=training, progress=False, **settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inherit": True}, "expected a keep_weights folder to inherit from"),
        ({"inherit": "yes", "keep_weights": "w"}, "expected inherit to be True or False"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ShortTraining(**given)


def test_it_is_described_only_where_it_is_on(tmp_path: Path) -> None:
    plain, inheriting = ShortTraining(), ShortTraining(inherit=True, keep_weights=tmp_path)
    assert "inherit" not in plain.describe()["accuracy"]
    assert inheriting.describe()["accuracy"]["inherit"] is True


def test_a_search_shows_who_inherited_what_and_is_resumed_alike(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole", 4)
    lineages = whole.lineages
    assert list(lineages) == [0, 1, 2, 3]
    assert lineages[0].parent is None
    for number in range(1, 4):
        assert lineages[number].parent in range(number)
        assert 0 < lineages[number].share <= 1
    assert whole.candidates[1].lineage == lineages[1]
    search(tmp_path / "parts", 2)
    resumed = search(tmp_path / "parts", 4)
    assert resumed.lineages == lineages
    assert [c.values for c in resumed.candidates] == [c.values for c in whole.candidates]


def test_a_search_with_it_is_another_search(tmp_path: Path) -> None:
    search(tmp_path, 1)
    with pytest.raises(StudyMismatch, match="inherit is missing"):
        search(tmp_path, 2, inherit=False)


def test_a_search_without_it_has_no_lineages(tmp_path: Path) -> None:
    result = search(tmp_path, 1, inherit=False)
    assert result.lineages == {}
    assert result.candidates[0].lineage is None


def test_networks_inherit_where_only_own_functions_read_the_data(tmp_path: Path) -> None:
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    data = [(x[i : i + 16], x[i : i + 16, 0]) for i in (0, 16)], [(x[32:], x[32:, 0])]

    def step(network: nn.Module, batch: Any) -> torch.Tensor:
        return (network(batch[0])[:, 0] - batch[1]).square().mean()

    def score(network: nn.Module, batches: Any) -> float:
        return float(sum(step(network, batch) for batch in batches))

    training = ShortTraining(
        data,
        step=step,
        score=score,
        direction="minimize",
        epochs=1,
        keep_weights=tmp_path,
        inherit=True,
    )
    space = MLPSpace(6, 1, depths=(1,), activations=("relu",), norms=("none",), residual=(False,))
    result = bonas.optimize(space, 4, evaluate=training, surrogate="random", seed=1, progress=False)
    assert {lineage.how for lineage in result.lineages.values()} <= {"fresh", "net2net", "aligned"}
    assert [result.lineages[number].share for number in (1, 2, 3)] == [1.0] * 3
