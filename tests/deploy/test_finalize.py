"""Facts about the choice of a final network: who is trained, chosen and tested, what is kept."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import bonas
from bonas.deploy import finalize as finalizing
from bonas.deploy.final_result import FinalResult
from bonas.errors import (
    EvaluationFailed,
    InvalidArgument,
    InvalidData,
    MissingData,
    SealedRows,
    StudyMismatch,
)
from bonas.evaluation import ParameterCount, ShortTraining, load
from bonas.evaluation.data.sealed import opened

SPACE = bonas.spaces.MLPSpace(inputs=4, classes=2, depths=(1, 2), widths=(2, 4, 8))
Y = np.arange(120) % 2
X = np.random.default_rng(0).normal(size=(120, 4)) + 0.8 * Y[:, None]
TRAINING = ShortTraining((X, Y), epochs=1)


def searched(evaluate: Any = TRAINING, n: int = 6, **settings: Any) -> bonas.SearchResult:
    given = {"surrogate": "random", "progress": False, "seed": 0, **settings}
    return bonas.optimize(SPACE, n, evaluate=evaluate, **given)


def final(result: bonas.SearchResult, folder: Path, **settings: Any) -> FinalResult:
    given = {"top_k": 2, "epochs": 2, "seeds": 2, "folder": folder, "progress": False, **settings}
    return bonas.finalize(result, **given)


@pytest.fixture
def retrained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str, int]]:
    """Count trainings: trial, rows and seed of each."""
    done: list[tuple[int, str, int]] = []
    real = finalizing.retrain

    def counted(candidate: Any, training: Any, **settings: Any) -> Any:
        done.append((candidate.trial.number, settings["rows"], settings["seed"]))
        return real(candidate, training, **settings)

    monkeypatch.setattr(finalizing, "retrain", counted)
    return done


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count openings of test rows."""
    done: list[int] = []

    def counted(part: Any) -> Any:
        done.append(len(part))
        return opened(part)

    monkeypatch.setattr(finalizing, "opened", counted)
    return done


def test_the_best_are_compared_and_the_best_of_these_is_trained_on_all_rows(
    tmp_path: Path, retrained: list[Any]
) -> None:
    result = searched()
    found = final(result, tmp_path / "a")
    ranked = sorted(result.candidates, key=lambda c: -c.values["accuracy"])
    numbers = [each.number for each in found.finalists]
    assert numbers == [candidate.trial.number for candidate in ranked[:2]]
    means = {each.number: np.mean(each.validation) for each in found.finalists}
    assert found.chosen == max(means, key=lambda number: means[number])
    compared = [(number, "train", seed) for number in numbers for seed in (1, 2)]
    assert retrained == [*compared, *((found.chosen, "all", seed) for seed in (1, 2))]


def test_scores_are_those_of_the_networks_on_the_test_rows(tmp_path: Path) -> None:
    found = final(searched(), tmp_path / "a")
    assert TRAINING.splits.test is not None
    x, y = opened(TRAINING.splits.test)[:]  # type: ignore[index]
    for each in found.finalists:
        assert each.test is not None
        networks = [each.network(seed) for seed in range(2)]
        right = [100 * float((network(x).argmax(1) == y).float().mean()) for network in networks]
        assert list(each.test.values) == pytest.approx(right)
        assert each.on_all_rows == (each.number == found.chosen)
        low, high = each.test.interval
        assert low < each.test.mean < high
    assert found.best.values["accuracy"] == found.best.test.mean  # type: ignore[union-attr]
    assert not found.network().training


def test_the_choice_is_stored_before_a_test_row_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = searched()

    def dies(part: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finalizing, "opened", dies)
        with pytest.raises(KeyboardInterrupt):
            final(result, tmp_path / "a")
    (stored,) = (v for k, v in result.study.user_attrs.items() if k.startswith("bonas:test_op"))
    assert "scores" not in stored
    found = final(result, tmp_path / "a")  # the same opening goes on
    assert (found.chosen, len(found.openings)) == (stored["chosen"], 1)


def test_the_same_call_trains_and_reads_nothing_again(
    tmp_path: Path, retrained: list[Any], read: list[int]
) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    first = final(searched(storage=storage), tmp_path / "a")
    assert len(read) == 1
    retrained.clear()
    again = final(searched(storage=storage), tmp_path / "a")
    assert str(again) == str(first)
    assert (retrained, len(read)) == ([], 1)


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_killed_call_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    result, whole = searched(), searched()
    expected = final(whole, tmp_path / "whole")
    real, done = finalizing.retrain, []

    def dies(candidate: Any, training: Any, **settings: Any) -> Any:
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(settings)
        return real(candidate, training, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(finalizing, "retrain", dies)
        with pytest.raises(KeyboardInterrupt):
            final(result, tmp_path / "a")
    found = final(result, tmp_path / "a")
    assert [each.validation for each in found.finalists] == [
        each.validation for each in expected.finalists
    ]
    assert [each.test for each in found.finalists] == [each.test for each in expected.finalists]


def test_lost_weights_are_trained_again(tmp_path: Path, retrained: list[Any]) -> None:
    result = searched()
    first = final(result, tmp_path / "a")
    first.best.files[0].unlink()
    with pytest.raises(MissingData, match="got no such file"):
        first.network()
    retrained.clear()
    again = final(result, tmp_path / "a")
    assert retrained == [(first.chosen, "all", 1)]
    assert again.best.test == first.best.test
    assert again.network() is not None


def test_another_comparison_may_not_open_the_test_rows(tmp_path: Path, read: list[int]) -> None:
    result = searched()
    final(result, tmp_path / "a")
    for change in ({"epochs": 3}, {"seeds": 3}, {"top_k": 3}, {"rows": "train"}):
        with pytest.raises(SealedRows, match=r"opened at 20.* reopen_test=True"):
            final(result, tmp_path / "a", **change)
    assert len(read) == 1
    found = final(result, tmp_path / "a", epochs=3, reopen_test=True)
    assert (len(read), len(found.openings)) == (2, 2)
    assert "the test rows were opened 2 times" in str(found)
    assert "the test rows were opened 2 times" in str(final(result, tmp_path / "a"))


def test_a_fork_of_the_study_knows_of_the_opening(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    final(searched(storage=storage), tmp_path / "a")
    other = bonas.spaces.MLPSpace(inputs=4, classes=2, depths=(1, 2), widths=(2, 4, 16))
    forked = bonas.optimize(
        other,
        6,
        evaluate=TRAINING,
        storage=storage,
        on_mismatch="fork",
        surrogate="random",
        progress=False,
    )
    with pytest.raises(SealedRows):
        final(forked, tmp_path / "b", epochs=3)


def test_the_front_gives_the_finalists_of_several_objectives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = searched([TRAINING, ParameterCount()], 8)
    with caplog.at_level(logging.WARNING, logger="bonas"):
        found = final(result, tmp_path / "a", top_k=50)
    front = [candidate.trial.number for candidate in result.front]
    assert [each.number for each in found.finalists] == front
    assert (
        f"expected 50 networks to choose from, got {len(front)}: the front has no more"
        in caplog.text
    )
    for each in found.finalists:
        assert each.measured == {"parameters": each.candidate.values["parameters"]}
    assert found.agreement is not None
    assert found.agreement.n == len(front)


class Seconds:
    """A latency in another unit than the usual one."""

    objectives = (bonas.Objective("latency", "minimize", "s"),)
    cost = "cheap"

    def __call__(self, candidate: bonas.Candidate) -> dict[str, float]:
        """Return a function of the network's size."""
        return {"latency": 1e-6 * candidate.space.costs(candidate.choices)["parameters"]}


def test_values_keep_the_unit_of_the_search(tmp_path: Path) -> None:
    result = searched([TRAINING, Seconds()], 4)
    found = final(result, tmp_path / "a")
    assert "latency [s]" in str(found)
    found.best.export(tmp_path / "out", onnx=False)
    (line,) = (
        text
        for text in (tmp_path / "out" / "README.md").read_text().splitlines()
        if text.startswith("| latency")
    )
    assert line.split("|")[-2].strip() == "s"
    assert " s</td>" in result.front[0]._repr_html_()


def test_finalists_keep_constraints(tmp_path: Path) -> None:
    result = searched([TRAINING, ParameterCount()], 8)
    limit = sorted(candidate.values["parameters"] for candidate in result.front)[0]
    found = final(result, tmp_path / "a", constraints={"parameters": f"<= {limit}"})
    assert [each.measured["parameters"] for each in found.finalists] == [limit]


def test_a_user_may_choose_the_finalists(tmp_path: Path, retrained: list[Any]) -> None:
    result = searched()
    worst = min(result.candidates, key=lambda c: c.values["accuracy"])
    found = final(result, tmp_path / "a", candidates=[worst, worst])
    assert found.chosen == worst.trial.number
    assert found.agreement is None
    assert [rows for _, rows, _ in retrained] == ["all", "all"]  # there is nothing to compare
    other = searched(n=3, seed=5).candidates
    with pytest.raises(InvalidArgument, match="expected evaluated candidates of this search"):
        final(result, tmp_path / "a", candidates=other)


def test_networks_of_the_comparison_may_be_kept(tmp_path: Path, retrained: list[Any]) -> None:
    found = final(searched(), tmp_path / "a", rows="train")
    assert {rows for _, rows, _ in retrained} == {"train"}
    assert not found.best.on_all_rows
    assert found.best.test == found.best.train_test


def test_without_test_rows_validation_is_all_there_is(tmp_path: Path) -> None:
    result = searched(ShortTraining((X, Y), epochs=1, test=0.0))
    found = final(result, tmp_path / "a")
    assert found.best.test is None
    assert "there are no test rows" in str(found)
    assert found.openings == ()
    tested = final(result, tmp_path / "a", test=(X[:50], Y[:50]))
    assert tested.best.test is not None
    assert tested.best.test.rows == 50
    with pytest.raises(SealedRows):
        final(result, tmp_path / "a", test=(X[:40], Y[:40]))


def test_sealed_rows_of_a_load_may_be_the_test_rows(tmp_path: Path) -> None:
    splits = load((X, Y))
    result = searched(ShortTraining(tuple(splits.train[:]), epochs=1, test=0.0))  # type: ignore[index]
    found = final(result, tmp_path / "a", test=splits.test)
    assert found.best.test is not None
    assert found.best.test.rows == 24


def test_targets_that_are_standardised_are_scored_in_their_units(tmp_path: Path) -> None:
    space = bonas.spaces.MLPSpace(inputs=4, classes=1, depths=(1,), widths=(4, 8))
    amounts = 1000 + 50 * X[:, 0]
    training = ShortTraining((X, amounts), epochs=3)
    result = bonas.optimize(space, 2, evaluate=training, surrogate="random", progress=False)
    found = final(result, tmp_path / "a", epochs=60)
    assert found.objective.name == "rmse"
    assert found.best.test is not None
    assert found.best.test.mean < 50  # the deviation of the targets
    assert found.chosen == min(found.finalists, key=lambda each: np.mean(each.validation)).number


def test_a_function_of_ones_own_needs_its_training(tmp_path: Path) -> None:
    def made(candidate: Any) -> ShortTraining:
        return ShortTraining((X, Y), epochs=1, learning_rate=candidate.trial.params["rate"])

    def evaluate(candidate: bonas.Candidate) -> dict[str, float]:
        candidate.trial.suggest_float("rate", 1e-3, 1e-1, log=True)
        return dict(made(candidate)(candidate))

    result = searched(evaluate, objectives={"accuracy": "maximize"})
    with pytest.raises(InvalidArgument, match=r"evaluated by a ShortTraining, got .*training="):
        final(result, tmp_path / "a")
    found = final(result, tmp_path / "a", training=made)
    rates = [each.training.learning_rate for each in found.finalists]
    assert rates == [each.candidate.trial.params["rate"] for each in found.finalists]


def test_a_training_that_diverges_is_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = searched()
    real = finalizing.retrain
    best = max(result.candidates, key=lambda c: c.values["accuracy"]).trial.number

    def diverges(candidate: Any, training: Any, **settings: Any) -> Any:
        if candidate.trial.number == best and settings["seed"] == 2:
            raise EvaluationFailed("expected a finite loss, got nan")
        return real(candidate, training, **settings)

    monkeypatch.setattr(finalizing, "retrain", diverges)
    found = final(result, tmp_path / "a")
    assert found.chosen != best
    assert "failed in a training: EvaluationFailed: expected a finite loss" in str(found)
    alone = [c for c in result.candidates if c.trial.number == best]
    with pytest.raises(EvaluationFailed, match="got none: EvaluationFailed: expected a fin"):
        final(result, tmp_path / "a", candidates=alone, rows="train", reopen_test=True)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"top_k": 0}, InvalidArgument, "top_k must be a whole number"),
        ({"seeds": 0}, InvalidArgument, "seeds must be a whole number"),
        ({"epochs": 0}, InvalidArgument, "epochs must be a whole number"),
        ({"rows": "test"}, InvalidArgument, "unknown rows 'test'"),
        ({"candidates": []}, InvalidArgument, "at least one candidate, got none"),
        (
            {"constraints": {"accuracy": ">= 101"}},
            InvalidArgument,
            r"accuracy >= 101\), got none",
        ),
        ({"test": (X, Y)}, InvalidArgument, "no test rows besides the 24"),
        ({"training": ShortTraining((X, Y), seed=1)}, StudyMismatch, "seed: 1 instead of 0"),
        ({"training": ShortTraining((X, Y), test=0.1)}, StudyMismatch, "test: 0.1 instead of 0.2"),
        ({"training": ShortTraining((X + 1, Y))}, StudyMismatch, "data: '120 x 4, labels"),
        ({"training": ShortTraining((X, Y), metric="f1")}, InvalidArgument, "got one of 'f1'"),
        ({"training": 3}, InvalidArgument, "expected training to be a ShortTraining"),
        ({"folder": ""}, InvalidArgument, "folder must be the path of a folder"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(
    tmp_path: Path, retrained: list[Any], settings: dict[str, Any], error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        final(searched(), **{"folder": tmp_path / "a", **settings})
    assert retrained == []


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    final(searched(), tmp_path / "a")
    with pytest.raises(InvalidArgument, match="holds those of another one"):
        final(searched(), tmp_path / "a")
    with pytest.raises(InvalidArgument, match=r"expected a new or empty folder .*\['a'\]"):
        final(searched(), tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgument, match="got the file"):
        final(searched(), tmp_path / "file")


def test_a_search_without_success_is_refused(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    goals = TRAINING.objectives
    with pytest.raises(EvaluationFailed, match="at least one evaluated network, got none"):
        final(bonas.SearchResult(study, SPACE, goals, TRAINING), tmp_path / "a")
    with pytest.raises(InvalidArgument, match=r"expected the result of bonas\.optimize, got None"):
        bonas.finalize(None)  # type: ignore[arg-type]


def test_rows_of_loaders_are_counted_not_their_batches(tmp_path: Path) -> None:
    rows = TensorDataset(torch.tensor(X), torch.tensor(Y))
    parts = (DataLoader(rows, 16, shuffle=True), DataLoader(rows, 64))
    found = final(searched(ShortTraining(parts, epochs=1)), tmp_path / "a", test=parts[1])
    assert found.best.test is not None
    assert found.best.test.rows == 120
    assert found.best.test.rows_half_width is not None


def test_the_export_computes_the_same_and_has_the_test_score(tmp_path: Path) -> None:
    found = final(searched(), tmp_path / "a").best
    found.export(tmp_path / "out", onnx=False, seed=1)
    card = (tmp_path / "out" / "README.md").read_text()
    assert found.test is not None
    assert "test accuracy" in card
    assert "training and validation rows, 2 seeds" in card
    assert "| rows | 96 for training |" in card


def test_files_of_other_weights_are_refused(tmp_path: Path) -> None:
    found = final(searched(), tmp_path / "a")
    torch.save(nn.Linear(2, 2).state_dict(), found.best.files[1])
    with pytest.raises(InvalidData, match="expected weights of the network of trial"):
        found.network(1)
    with pytest.raises(InvalidArgument, match="one of the 2 trainings, counted from 0, got 2"):
        found.network(2)


def test_the_result_is_shown_as_table_frame_and_picture(tmp_path: Path) -> None:
    found = final(searched(), tmp_path / "a")
    header, _, *rows = str(found).splitlines()
    shown = found._repr_html_()
    assert shown.count("<tr>") == 1 + len(found.finalists)
    assert header.split("  ")[-1].strip() == "full, test"
    assert [row[0] for row in rows[:2]].count("*") == 1
    frame = found.dataframe()
    assert frame["chosen"].sum() == 1
    assert frame["test"].tolist() == [each.test.mean for each in found.finalists if each.test]
    found.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
