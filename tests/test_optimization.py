"""One call searches, survives, resumes and explains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import FrozenTrial, TrialState
from torch import nn

import bonas
from bonas.errors import (
    BonasError,
    EvaluationFailed,
    InvalidArgument,
    InvalidGraph,
    InvalidSpace,
    MissingBuilder,
    StorageUnavailable,
    StudyMismatch,
)
from bonas.evaluation import Candidate, Latency, ShortTraining

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}


def _space() -> bonas.spaces.CellSpace:
    return bonas.spaces.CellSpace(nodes=3, channels=4, cells=1, stages=1, in_channels=1)


def _evaluate(candidate: Candidate) -> dict[str, float]:
    """Return made-up values that follow from the graph."""
    labels = candidate.graph.labels
    three, pool = labels.count("nor_conv_3x3"), labels.count("avg_pool_3x3")
    return {"accuracy": 80.0 + 5 * three + pool, "latency": 1.0 + three + 0.1 * len(labels)}


def _optimize(budget: int, **more: object) -> bonas.SearchResult:
    arguments: dict[str, object] = {
        "evaluate": _evaluate,
        "objectives": OBJECTIVES,
        "surrogate": "gp",
        "seed": 0,
        "progress": False,
    }
    return bonas.optimize(_space(), budget, **{**arguments, **more})  # type: ignore[arg-type]  # a mixed bag


def test_it_finds_the_front_with_the_default_evaluation() -> None:
    """Run a real, tiny search: trained on digits and timed."""
    evaluate = [ShortTraining(epochs=4), Latency(input_shape=(1, 8, 8), repeats=5)]
    result = bonas.optimize(_space(), 12, evaluate=evaluate, surrogate="gp", seed=0, progress=False)
    assert len(result.candidates) == 12
    best = result.best("accuracy")
    assert best.values["accuracy"] > 20.0
    assert best.values["latency"] > 0.0
    assert best.number == best.trial.number
    network = best.build()
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    fastest = result.best("latency")
    assert fastest.values["latency"] == min(c.values["latency"] for c in result.candidates)
    assert {c.number for c in result.front} <= {c.number for c in result.candidates}
    assert "latency_iqr" in best.trial.user_attrs


def test_nothing_on_the_front_is_dominated_and_nothing_else_is_missing() -> None:
    result = _optimize(15)
    for one in result.candidates:
        beaten = any(
            other.values["accuracy"] >= one.values["accuracy"]
            and other.values["latency"] <= one.values["latency"]
            and other.values != one.values
            for other in result.candidates
        )
        assert (one.number in {c.number for c in result.front}) == (not beaten)
    accuracies = [c.values["accuracy"] for c in result.front]
    assert accuracies == sorted(accuracies, reverse=True)


def test_the_same_seed_gives_the_same_search() -> None:
    one, other = _optimize(14), _optimize(14)
    assert [c.choices for c in one.candidates] == [c.choices for c in other.candidates]


def test_a_stopped_search_ends_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    _optimize(12, storage=storage, study_name="digits")
    resumed = _optimize(16, storage=storage, study_name="digits")
    through = _optimize(16)
    assert [c.choices for c in resumed.candidates] == [c.choices for c in through.candidates]


def test_the_budget_is_of_the_study_not_of_the_call(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    assert len(_optimize(5, storage=storage).study.trials) == 5
    assert len(_optimize(5, storage=storage).study.trials) == 5
    assert len(_optimize(7, storage=storage).study.trials) == 7
    assert len(_optimize(3, storage=storage).study.trials) == 7


def test_a_stored_study_keeps_its_own_seed(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    _optimize(4, storage=storage, seed=5)
    resumed = _optimize(8, storage=storage, seed=6)
    assert [c.choices for c in resumed.candidates] == [
        c.choices for c in _optimize(8, seed=5).candidates
    ]


@pytest.mark.parametrize("surrogate", list(bonas.studies.SURROGATES))
def test_every_surrogate_runs_by_name(surrogate: str) -> None:
    assert len(_optimize(12, surrogate=surrogate).candidates) == 12


def test_what_the_surrogate_expected_can_be_looked_up() -> None:
    """Read them in the objective's units, with the weights of a mixture; random draws have none."""
    result = _optimize(14, surrogate="mixture")
    assert list(result.predictions) == [10, 11, 12, 13]
    for number, prediction in result.predictions.items():
        measured = result.candidates[number].values
        assert set(prediction.mean) == set(prediction.sd) == set(measured)
        for name, weights in prediction.weights.items():
            assert len(weights) == 2
            assert sum(weights) == pytest.approx(1.0)
            assert prediction.sd[name] > 0
            assert abs(prediction.mean[name] - measured[name]) < 10 * prediction.sd[name] + 1.0


@pytest.mark.parametrize(
    "objectives",
    [
        {"accuracy": "maximize"},
        {"accuracy": "maximize", "latency": "minimize", "size": "minimize"},
    ],
    ids=["one", "three"],
)
def test_any_number_of_objectives(objectives: dict[str, str], tmp_path: Path) -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        size = float(len(candidate.graph.labels))
        return {**_evaluate(candidate), "size": size}

    result = _optimize(13, evaluate=evaluate, objectives=objectives)
    assert set(result.best().values) == set(objectives)
    result.plot(tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes()[:4] == b"\x89PNG"


def test_more_objectives_than_anyone_needs() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        labels = candidate.graph.labels
        return {f"count{i}": float(labels.count(f"nor_conv_{i}x{i}")) + i for i in (1, 3, 5, 7)}

    names = {f"count{i}": "minimize" for i in (1, 3, 5, 7)}
    assert len(_optimize(12, evaluate=evaluate, objectives=names).candidates) == 12


def test_a_failed_evaluation_keeps_its_traceback_and_the_search_goes_on() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        if candidate.number in (2, 5):
            raise MemoryError(f"trial {candidate.number} is too large")
        if candidate.number == 3:
            return {"accuracy": float("nan"), "latency": 1.0}
        if candidate.number == 4:
            return {"accuracy": 1.0}
        return _evaluate(candidate)

    result = _optimize(12, evaluate=evaluate)
    assert sorted(result.failures) == [2, 3, 4, 5]
    assert "trial 2 is too large" in result.failures[2]
    assert "in evaluate" in result.failures[2]
    assert "finite" in result.failures[3]
    assert "latency" in result.failures[4]
    assert len(result.candidates) == 8
    assert [t.state for t in result.study.trials].count(TrialState.FAIL) == 4


def test_five_equal_failures_in_a_row_stop_the_search() -> None:
    calls: list[int] = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        calls.append(candidate.number)
        if candidate.number < 3:
            return _evaluate(candidate)
        raise RuntimeError("the disk is full")

    with pytest.raises(
        EvaluationFailed, match=r"5 evaluations in a row .* the disk is full"
    ) as caught:
        _optimize(20, evaluate=evaluate)
    assert calls == list(range(8))
    assert isinstance(caught.value.__cause__, RuntimeError)
    kept = [t for t in caught.value.study.trials if t.state == TrialState.COMPLETE]
    assert len(kept) == 3


def test_different_failures_do_not_stop_the_search() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        if candidate.number % 2:
            raise RuntimeError("odd")
        raise ValueError("even")

    result = _optimize(9, evaluate=evaluate)
    assert len(result.failures) == 9
    assert not result
    assert result.front == []
    with pytest.raises(EvaluationFailed, match="no candidate was evaluated"):
        result.best()


def test_a_small_space_ends_the_search_early_and_says_so() -> None:
    space = bonas.spaces.CellSpace(nodes=2, operations=("skip_connect", "nor_conv_3x3"))
    with pytest.warns(UserWarning, match="all architectures of CellSpace were evaluated"):
        result = bonas.optimize(
            space, 9, evaluate=_evaluate, objectives=OBJECTIVES, surrogate="gp", progress=False
        )
    assert len(result.candidates) == 2


def test_callbacks_hear_of_every_evaluation() -> None:
    heard: list[tuple[int, TrialState]] = []

    def callback(study: optuna.Study, trial: FrozenTrial) -> None:
        heard.append((trial.number, trial.state))

    def evaluate(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 1:
            raise ValueError("no")
        return _evaluate(candidate)

    _optimize(3, evaluate=evaluate, callbacks=[callback])
    assert heard == [(0, TrialState.COMPLETE), (1, TrialState.FAIL), (2, TrialState.COMPLETE)]


def test_an_interrupt_ends_cleanly_and_the_interrupted_network_is_next(tmp_path: Path) -> None:
    def interrupted(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 3:
            raise KeyboardInterrupt
        return _evaluate(candidate)

    storage = f"sqlite:///{tmp_path / 'a.db'}"
    result = _optimize(12, evaluate=interrupted, storage=storage)
    assert len(result.candidates) == 3
    lost = result.study.trials[3].params
    resumed = _optimize(12, storage=storage)
    assert len(resumed.candidates) == 12
    assert resumed.candidates[3].choices == lost
    assert not any(t.state == TrialState.RUNNING for t in resumed.study.trials)


SCRIPT = """
import sys, time, bonas
from tests_search_problem import space, evaluate
bonas.optimize(space, 14, evaluate=evaluate, objectives={"accuracy": "maximize"}, surrogate="gp",
               storage=sys.argv[1], seed=0, progress=False)
"""
PROBLEM = """
import time, bonas
space = bonas.spaces.CellSpace(nodes=3)
def evaluate(candidate):
    print(candidate.number, flush=True)
    time.sleep(0.3)
    return {"accuracy": float(candidate.graph.labels.count("nor_conv_3x3"))}
"""


def test_a_killed_search_loses_nothing_and_trains_nothing_twice(tmp_path: Path) -> None:
    """Kill it in the middle of a training, and start it again: the budget is met exactly."""
    (tmp_path / "tests_search_problem.py").write_text(PROBLEM)
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    command = [sys.executable, "-c", SCRIPT, storage]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert first.stdout is not None
    for line in first.stdout:
        if int(line) == 4:
            time.sleep(0.1)
            first.send_signal(signal.SIGKILL)
            break
    first.wait()
    first.stdout.close()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    study = optuna.load_study(study_name="bonas", storage=storage)
    complete = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert len(complete) == 14
    space = bonas.spaces.CellSpace(nodes=3)
    keys = [space.architecture(t.params).key for t in complete]
    assert len(set(keys)) == 14
    killed = study.trials[4]
    assert killed.state == TrialState.FAIL
    assert killed.params in [t.params for t in complete]


def test_trials_of_a_user_are_used() -> None:
    """Suggest a parameter in the evaluation: it becomes part of the search."""

    def evaluate(candidate: Candidate) -> dict[str, float]:
        rate = candidate.trial.suggest_float("rate", 1e-4, 1e-1, log=True)  # type: ignore[union-attr]  # it runs
        return {"accuracy": _evaluate(candidate)["accuracy"] - abs(rate - 1e-2)}

    result = _optimize(14, evaluate=evaluate, objectives={"accuracy": "maximize"})
    assert all("rate" in c.trial.params for c in result.candidates)
    assert "rate" not in result.best().choices


def test_the_table_has_values_with_units() -> None:
    text = str(_optimize(6))
    assert "accuracy [%]" in text
    assert "latency [ms]" in text
    assert "edge_0_1" in text.splitlines()[0]


class _NoBuild(bonas.Space):
    parameters = {"width": [8, 16]}  # noqa: RUF012 # as users write it

    def graph(self, choices: Mapping[str, object]) -> bonas.ArchitectureGraph:
        return bonas.ArchitectureGraph(
            ["input", f"w{choices['width']}", "output"], [(0, 1), (1, 2)]
        )


class _Wrong(_NoBuild):
    """A space of networks whose output has the wrong shape."""

    def build(self, choices: Mapping[str, object]) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    parameters = {"width": [8, 16, 32, 64, 128, 256]}  # noqa: RUF012 # as users write it


class _Empty(_NoBuild):
    parameters = {}  # noqa: RUF012 # as users write it


class _NoEnds(_NoBuild):
    """A space whose graphs do not say where they begin and end."""

    def graph(self, choices: Mapping[str, object]) -> bonas.ArchitectureGraph:
        return bonas.ArchitectureGraph(["a", "b"], [(0, 1)])


class _NoGraph(_NoBuild):
    """A space whose graphs are None."""

    def graph(self, choices: Mapping[str, object]) -> bonas.ArchitectureGraph:
        return None  # type: ignore[return-value]  # on purpose


class _OneChoice(_NoBuild):
    parameters = {"width": [8]}  # noqa: RUF012 # as users write it


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"space": "NASBench201"}, InvalidArgument, "space must be an object of a bonas.Space"),
        ({"space": bonas.spaces.NASBench201}, InvalidArgument, "space must be an object"),
        ({"space": _Empty()}, InvalidSpace, "at least one name"),
        ({"space": _OneChoice()}, InvalidSpace, "'width' has 1 choice"),
        ({"space": _NoEnds()}, InvalidGraph, "expected a node labelled 'input'"),
        ({"space": _NoGraph()}, InvalidSpace, "graph must return a bonas.ArchitectureGraph"),
        ({"budget": 0}, InvalidArgument, "budget must be a whole number of at least 1, got 0"),
        ({"budget": -3}, InvalidArgument, "got -3"),
        ({"budget": "many"}, InvalidArgument, "got 'many'"),
        ({"budget": 2.5}, InvalidArgument, "got 2.5"),
        ({"budget": True}, InvalidArgument, "got True"),
        ({"surrogate": "woods"}, InvalidArgument, "unknown surrogate 'woods'"),
        ({"encoder": "wl"}, InvalidArgument, "unknown encoder 'wl'"),
        ({"objectives": {"accuracy": "up"}}, InvalidArgument, "unknown objective direction 'up'"),
        ({"objectives": {}}, InvalidArgument, "at least one name"),
        ({"objectives": None}, InvalidArgument, "does not say what its objectives are"),
        ({"evaluate": 3}, InvalidArgument, "evaluate must be a function"),
        ({"evaluate": []}, InvalidArgument, "at least one evaluator"),
        ({"callbacks": ["loud"]}, InvalidArgument, "callbacks must be functions"),
        ({"seed": "lucky"}, InvalidArgument, "seed must be a whole number"),
        ({"storage": "sqlite:////no/such/a.db"}, StorageUnavailable, "cannot open the storage"),
        ({"space": _NoBuild(), "evaluate": None, "objectives": None}, MissingBuilder, "no build"),
        (
            {
                "space": _Wrong(),
                "evaluate": ShortTraining(epochs=1),
                "objectives": None,
                "budget": 6,
            },
            EvaluationFailed,
            "InvalidData",
        ),
        ({"evaluate": ShortTraining(data="digit")}, BonasError, "unknown data"),
    ],
)
def test_bad_input_is_explained(
    arguments: dict[str, object], error: type[BonasError], message: str
) -> None:
    defaults: dict[str, object] = {
        "space": _space(),
        "budget": 6,
        "evaluate": _evaluate,
        "objectives": OBJECTIVES,
        "surrogate": "random",
        "progress": False,
    }
    given = {**defaults, **arguments}
    with pytest.raises(error, match=message):
        bonas.optimize(given.pop("space"), given.pop("budget"), **given)  # type: ignore[arg-type]  # on purpose


def test_another_space_in_the_same_study_is_refused(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    _optimize(3, storage=storage)
    with pytest.raises(StudyMismatch, match="channels was 4, now 8"):
        bonas.optimize(
            bonas.spaces.CellSpace(nodes=3, channels=8, cells=1, stages=1, in_channels=1),
            5,
            evaluate=_evaluate,
            objectives=OBJECTIVES,
            storage=storage,
            progress=False,
        )


def test_an_unknown_objective_is_explained() -> None:
    with pytest.raises(InvalidArgument, match="unknown objective 'speed'; expected one of 'acc"):
        _optimize(3).best("speed")
