"""The benchmark of gradient searches: truths, places, methods of equal time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bonas.benchmarks import gradient_search as bench
from bonas.benchmarks.gradient_search import (
    METHODS,
    ByGradients,
    Found,
    Result,
    Task,
    Truths,
    gradient_search_results,
    gradient_search_table,
)
from bonas.cli import main
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import CellSpace, Choices

SPACE = CellSpace(3, ("none", "skip_connect", "nor_conv_1x1"), 2, 1, 1, 2, 1, 4)
CONV = dict.fromkeys(SPACE.parameters, "nor_conv_1x1") | {"edge_0_2": "skip_connect"}
SKIPS = dict.fromkeys(SPACE.parameters, "skip_connect")


def task() -> Task:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 1, 4, 4)).astype("float32")
    training = ShortTraining(
        (x, (x.mean((1, 2, 3)) > 0).astype(int)), test=0.0, epochs=1, batch_size=16
    )
    return Task(SPACE, training, training)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Choices]:
    """The cells that are trained: each is worth the number of its convolutions."""
    seen: list[Choices] = []

    def train(_: ShortTraining, candidate: Any) -> dict[str, float]:
        seen.append(candidate.choices)
        return {"accuracy": float(list(candidate.choices.values()).count("nor_conv_1x1"))}

    monkeypatch.setattr(ShortTraining, "__call__", train)
    return seen


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """CPU time that goes on by a second per look, or as a test says."""
    own = SimpleNamespace(now=0.0, tick=1.0)

    def look() -> float:
        own.now += own.tick
        return own.now

    monkeypatch.setattr(bench.time, "process_time", look)
    return own


def test_digits_has_three_parts_and_no_row_in_two() -> None:
    digits = Task.digits()
    parts = [digits.search.splits.train, digits.search.splits.validation]
    parts.append(digits.truth.splits.validation)
    rows = [{row.numpy().tobytes() for row in part.tensors[0]} for part in parts]  # type: ignore[union-attr]  # in memory
    assert [len(part) for part in parts] == [1078, 359, 360]
    assert digits.truth.splits.train is digits.search.splits.train
    assert not rows[1] & rows[2]
    assert not rows[0] & (rows[1] | rows[2])


def test_a_truth_is_the_mean_of_trainings_that_are_kept(
    counted: list[Choices], tmp_path: Path
) -> None:
    assert Truths(task(), tmp_path, 3).of(CONV) == 2.0
    assert len(counted) == 3
    path = tmp_path / "truths.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["seed"] for row in rows] == [100, 101, 102]
    with path.open("a") as file:
        file.write('\n{"cell": "cut o')  # a process that died while it wrote
    assert Truths(task(), tmp_path, 4).of(CONV) == 2.0
    assert Truths(task(), tmp_path, 4).of(CONV) == 2.0
    assert len(counted) == 4


def test_random_cells_are_different_and_always_the_same(
    counted: list[Choices], tmp_path: Path
) -> None:
    Truths(task(), tmp_path / "a", 1).of_random(5)
    first = list(counted)
    assert len({SPACE.architecture(choices) for choices in first}) == 5
    Truths(task(), tmp_path / "b", 1).of_random(5)
    assert counted[5:] == first


def test_a_training_that_ends_too_late_does_not_count(
    counted: list[Choices], clock: SimpleNamespace
) -> None:
    found = METHODS["random"](task(), 0, 3.0)
    assert (found.trained, len(counted), found.spent) == (3, 4, 4.0)
    assert found.choices == max(counted[:3], key=lambda c: list(c.values()).count("nor_conv_1x1"))


def test_optimize_learns_what_its_proposals_are_worth(
    counted: list[Choices], clock: SimpleNamespace
) -> None:
    found = METHODS["optimize"](task(), 0, 12.0)
    assert found.trained == 12
    assert found.choices == dict.fromkeys(SPACE.parameters, "nor_conv_1x1")


def test_a_gradient_search_takes_as_many_steps_as_fit(
    monkeypatch: pytest.MonkeyPatch, clock: SimpleNamespace
) -> None:
    taken: list[int] = []
    clock.tick = 0.0

    def search(space: object, training: object, *, steps: int, **settings: Any) -> Any:
        assert settings["method"] == "darts"
        taken.append(steps)
        clock.now += 1.0 + 0.1 * steps  # a second, and a tenth of one per step
        return SimpleNamespace(choices=CONV, refused=SKIPS)

    monkeypatch.setattr(bench, "gradient_search", search)
    found = ByGradients("darts")(task(), 0, 20.0)
    assert taken == [10, 40, 190]
    assert found.spent == pytest.approx(20.0)
    assert (found.choices, found.trained, found.replaced) == (CONV, 0, True)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two methods that search at once, and the seeds that they were called with."""
    calls: list[int] = []

    def find(choices: Choices) -> Any:
        def method(_: Task, seed: int, seconds: float) -> Found:
            calls.append(seed)
            return Found(choices, 7, seconds + 1)

        return method

    monkeypatch.setattr(bench, "METHODS", {"good": find(CONV), "bad": find(SKIPS)})
    return calls


def test_results_are_stored_and_a_cell_without_parameters_is_marked(
    known: list[int], tmp_path: Path
) -> None:
    def run(seconds: float) -> list[Result]:
        found = gradient_search_results(["good", "bad"], [3, 4], seconds, tmp_path, task())
        return list(found)

    first = run(2.0)
    assert [(r.method, r.seed, r.refused) for r in first] == [
        ("good", 3, False),
        ("bad", 3, True),
        ("good", 4, False),
        ("bad", 4, True),
    ]
    assert run(2.0) == first
    assert len(known) == 4
    run(5.0)  # another time is another search
    assert len(known) == 8


def test_the_place_is_the_share_of_random_cells_that_are_better() -> None:
    random = np.array([1.0, 2.0, 2.0, 3.0])
    assert bench._place(2.0, random) == 50.0  # one better, two equal
    assert bench._place(9.0, random) == 0.0
    # mean 2, standard deviation 1, t with 2 degrees of freedom 4.303: 4.303 / sqrt(3)
    assert bench._interval(np.array([1.0, 2.0, 3.0])) == "2.00 ± 2.48"
    assert bench._interval(np.array([1.0])) == "1.00 ± nan"


def test_the_table_has_a_row_per_method(
    counted: list[Choices], known: list[int], tmp_path: Path
) -> None:
    found = list(gradient_search_results(["good", "bad"], [0, 1], 2.0, tmp_path, task()))
    table = gradient_search_table(found, tmp_path, cells=8, trainings=2, task=task())
    good, bad = table.splitlines()[-2:]
    assert good.split()[:4] == ["good", "2", "2.00", "±"]
    assert good.split()[-4:] == ["0", "0", "7.0", "3.0"]
    assert "0 of  2" in bad
    assert bad.split()[-3:] == ["2", "7.0", "3.0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "magic"], "unknown method 'magic'"),
        (["--seconds", "0"], "seconds must be a positive number"),
        (["--seeds", "0"], "seeds must be a whole number"),
    ],
)
def test_the_command_refuses_what_cannot_work(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "gradient", "--out", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_too_few_random_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cells must be a whole number of at least 4"):
        gradient_search_table([], tmp_path, cells=3, task=task())


def test_the_command_prints_the_table(
    counted: list[Choices],
    known: list[int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Task, "digits", task)
    out = ["--methods", "good", "--seeds", "2", "--cells", "6", "--trainings", "1"]
    assert main(["bench", "gradient", "--out", str(tmp_path), "--seconds", "1", *out]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("good")
