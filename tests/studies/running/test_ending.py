"""``study.stop()`` ends a search with its result; so does an evaluation of the wrong form."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.trial import FrozenTrial, TrialState

import bonas
from bonas.errors import EvaluationFailed
from bonas.evaluation import Candidate, Joint
from bonas.optuna_internals import stoppable
from bonas.spaces import NASBench201
from bonas.studies import outcomes
from bonas.studies.running.ending import is_ending, pass_on

SPACE = NASBench201(channels=4, cells=1, stages=1)


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Return the number of a candidate, after a moment."""
    time.sleep(0.02)
    return {"accuracy": float(candidate.number)}


def stopping(candidate: Candidate) -> dict[str, float]:
    """End the search in the evaluation itself."""
    assert isinstance(candidate.trial, optuna.Trial)
    if candidate.number == 3:
        candidate.trial.study.stop()
    return evaluate(candidate)


def stop_after_three(study: optuna.Study, trial: FrozenTrial) -> None:
    """Stop when three trials are finished."""
    if len(study.get_trials(states=(TrialState.COMPLETE,))) >= 3:
        study.stop()


def mistaken(candidate: Candidate) -> dict[str, float]:
    return {"val_acc": 91.5}


def search(budget: int, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"evaluate": evaluate, **more}
    return bonas.optimize(
        SPACE,
        budget,
        objectives={"accuracy": "maximize"},
        surrogate="random",
        seed=0,
        progress=False,
        **given,
    )


WORKERS = {"one": 1, "processes": 2, "threads": 2}


def workers(kind: str, folder: Path) -> dict[str, Any]:
    executor = {"executor": ThreadPoolExecutor(2)} if kind == "threads" else {}
    return {"n_jobs": WORKERS[kind], "storage": str(folder / "s.log"), **executor}


@pytest.mark.parametrize("kind", list(WORKERS))
def test_a_callback_ends_the_search_and_the_same_call_goes_on(kind: str, tmp_path: Path) -> None:
    more = workers(kind, tmp_path)
    found = search(60, callbacks=[stop_after_three], **more)
    assert 3 <= len(found.candidates) < 60
    assert not [t for t in found.study.trials if t.state == TrialState.RUNNING]
    assert search(len(found.candidates) + 2, **workers(kind, tmp_path)).missing == 0


@pytest.mark.parametrize("kind", list(WORKERS))
def test_an_evaluation_ends_the_search(kind: str, tmp_path: Path) -> None:
    found = search(60, evaluate=stopping, **workers(kind, tmp_path))
    assert 3 in [candidate.number for candidate in found.candidates]
    assert len(found.candidates) < 60


def test_outside_of_a_search_there_is_nothing_to_stop() -> None:
    with pytest.raises(RuntimeError, match="supposed to be invoked inside"):
        search(2).study.stop()


@pytest.mark.parametrize("kind", list(WORKERS))
def test_a_wrong_name_is_told_after_the_first_evaluation(kind: str, tmp_path: Path) -> None:
    with pytest.raises(EvaluationFailed, match=r"accuracy.*val_acc.*91\.5") as caught:
        search(20, evaluate=mistaken, **workers(kind, tmp_path))
    study = caught.value.study
    while any(trial.state == TrialState.RUNNING for trial in study.trials):
        time.sleep(0.01)  # a thread's evaluation goes on, and nothing is reopened meanwhile
    done = [trial for trial in study.trials if outcomes.counts(trial)]
    assert 1 <= len(done) <= WORKERS[kind]  # those that were under way at once
    assert all(trial.user_attrs["val_acc"] == 91.5 for trial in done)
    found = search(2, **workers("one", tmp_path))
    assert len(found.candidates) == 2


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "a mapping from names to numbers, got None"),
        (0.9, "got 0.9"),
        ((0.9, 1.0), "got"),
        ({"Accuracy": 0.9}, "'Accuracy'"),
        ({"accuracy": "high"}, "real number as 'accuracy', got 'high'"),
        ({"accuracy": None}, "got None"),
        ({"accuracy": torch.zeros(2)}, "type Tensor"),
        ({"accuracy": {"top1": 0.9}}, "type dict"),
    ],
)
def test_what_can_never_give_the_objective_costs_one_evaluation(returned: Any, said: str) -> None:
    with pytest.raises(EvaluationFailed, match="No evaluation of this call") as caught:
        search(20, evaluate=lambda candidate: returned)
    assert said in str(caught.value)
    assert len(caught.value.study.trials) == 1


def test_what_can_be_better_next_time_costs_one_network() -> None:
    """A network may diverge, and one that has given the objectives is no mistake."""

    def sometimes(candidate: Candidate) -> dict[str, float]:
        values = [{"accuracy": float("nan"), "loss": 2.0}, {"accuracy": 1.0}, {"loss": 1.0}]
        return values[candidate.number % 3]

    found = search(6, evaluate=sometimes)
    assert sorted(found.failures) == [0, 2, 3, 5]
    assert [t.user_attrs.get("loss") for t in found.study.trials[:3]] == [2.0, None, 1.0]


def test_what_several_evaluators_measured_is_kept_where_one_of_them_is_mistaken() -> None:
    def size(candidate: Candidate) -> dict[str, float]:
        return {"size": 3.0}

    with pytest.raises(EvaluationFailed) as caught:
        search(20, evaluate=Joint([size, mistaken]))
    (trial,) = caught.value.study.trials
    assert (trial.user_attrs["size"], trial.user_attrs["val_acc"]) == (3.0, 91.5)


def test_a_stop_is_passed_on_to_the_workers_of_its_asker_only() -> None:
    storage = optuna.storages.InMemoryStorage()
    here = optuna.create_study(storage=storage, study_name="s")
    there = optuna.load_study(study_name="s", storage=storage)
    with stoppable(here), stoppable(there):
        pass_on(here, "a")
        assert not is_ending(here, "a")
        here.stop()
        assert is_ending(here, "a")
        assert not is_ending(there, "a")  # it has not heard of it
        pass_on(here, "a")
        assert is_ending(there, "a")
        assert not is_ending(there, "b")
