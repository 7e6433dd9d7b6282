"""The benchmark of supernets, from trainings to tables."""

from __future__ import annotations

from pathlib import Path

import pytest

import bonas.benchmarks.supernets.inherited as inherited_module
from bonas.benchmarks.supernets import SupernetBench, Training
from bonas.benchmarks.supernets.problems import Problem
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    space = MLPSpace(inputs=64, classes=10, depths=(1, 2), widths=(4, 8, 16))
    made = {"small": lambda: Problem("small", space, ShortTraining("digits", epochs=1))}
    monkeypatch.setattr("bonas.benchmarks.supernets.bench.problems", lambda: made)


def _bench(folder: Path, **settings: int) -> SupernetBench:
    given = {"networks": 8, "seeds": 2, "supernets": 2, **settings}
    return SupernetBench("small", folder, **given, training=Training(12))


def test_a_second_run_measures_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = _bench(tmp_path).ranking()
    assert "supernet, loss" in table
    assert "trainings from scratch" in table
    kept = (tmp_path / "small.jsonl").read_text()
    monkeypatch.setattr(ShortTraining, "measurements", None)
    monkeypatch.setattr(inherited_module, "Supernet", None)
    assert _bench(tmp_path).ranking() == table
    assert (tmp_path / "small.jsonl").read_text() == kept


def test_a_surrogate_needs_networks_to_predict(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="at most 4"):
        _bench(tmp_path).surrogate([5])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"networks": 4}, "networks"), ({"seeds": 1}, "seeds"), ({"supernets": 0}, "supernets")],
    ids=["networks", "seeds", "supernets"],
)
def test_numbers_that_cannot_work_are_refused(
    tmp_path: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        _bench(tmp_path, **settings)


def test_an_unknown_problem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="small"):
        SupernetBench("cell", tmp_path)
