"""``optuna.TrialPruned`` in an evaluation makes a pruned trial, which is no failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import NASBench201

SPACE = NASBench201(channels=4, cells=1, stages=1)


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Prune all but two, after a report."""
    assert isinstance(candidate.trial, optuna.Trial)
    candidate.trial.report(float(candidate.number), step=1)
    candidate.trial.should_prune()
    if candidate.number < 8:
        raise optuna.TrialPruned("worse than the others so far")
    return {"accuracy": float(candidate.number)}


def search(budget: int, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"evaluate": evaluate, "objectives": {"accuracy": "maximize"}, **more}
    return bonas.optimize(SPACE, budget, surrogate="random", seed=0, progress=False, **given)


@pytest.mark.parametrize("kind", ["one", "processes", "threads"])
def test_any_number_of_pruned_trials_in_a_row_ends_no_search(kind: str, tmp_path: Path) -> None:
    heard: list[TrialState] = []

    def callback(study: optuna.Study, trial: FrozenTrial) -> None:
        heard.append(trial.state)

    more: dict[str, Any] = {
        "one": {},
        "processes": {"n_jobs": 2},
        "threads": {"n_jobs": 2, "storage": str(tmp_path / "s.log")},
    }[kind]
    if kind == "threads":
        more["executor"] = ThreadPoolExecutor(2)
    found = search(10, callbacks=[callback], **more)
    states = [trial.state for trial in found.study.trials]
    assert heard.count(TrialState.PRUNED) == states.count(TrialState.PRUNED) == 8
    assert (len(found.pruned), len(found.candidates), found.missing) == (8, 2, 0)
    assert not found.failures
    assert "8 pruned" in str(found)
    kept = [t.intermediate_values for t in found.study.trials if t.state == TrialState.PRUNED]
    assert sorted(x[1] for x in kept) == list(map(float, range(8)))


def test_a_pruned_network_counts_as_tried_and_is_not_proposed_again(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.log")
    search(6, storage=storage)
    found = search(12, storage=storage)
    keys = [SPACE.architecture(trial.params).key for trial in found.study.trials]
    assert len(keys) == len(set(keys)) == 12


def test_with_several_objectives_a_trial_is_pruned_without_reports() -> None:
    def both(candidate: Candidate) -> dict[str, float]:
        if candidate.number % 2:
            raise optuna.TrialPruned
        return {"accuracy": 1.0, "latency": float(candidate.number)}

    found = search(6, evaluate=both, objectives={"accuracy": "maximize", "latency": "minimize"})
    assert found.pruned == [1, 3, 5]
