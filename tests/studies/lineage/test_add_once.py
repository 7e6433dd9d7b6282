"""Trials are added once, in order, wherever a process dies and however many add them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import KINDS, Widths, killed_after, measured, searched, storage_of
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from bonas.studies.lineage import add_once as module
from bonas.studies.lineage.add_once import add_once
from bonas.studies.outcomes import evaluated
from bonas.studies.records import COPIED, ERROR
from bonas.studies.storages.opening import open_storage


def _running(mark: str) -> optuna.trial.FrozenTrial:
    """Return a running trial with a mark, as ``add_once`` adds it first."""
    return optuna.create_trial(state=TrialState.RUNNING, user_attrs=COPIED.holding(mark))


def test_trials_are_added_once_and_in_order_wherever_a_process_dies(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = searched(Widths(), 4, None).study
    given = {f"m{t.number}": t for t in source.trials}
    for writes in range(9) if isinstance(storage, InMemoryStorage) else (3, 4):
        study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
        with killed_after(monkeypatch, study._storage, writes):
            add_once(study, given, COPIED)
        add_once(study, given, COPIED)
        assert measured(study) == measured(source)
        assert add_once(study, given, COPIED) == 0
        assert len(study.trials) == 4


def test_of_two_copies_the_first_is_meant() -> None:
    study = optuna.create_study()
    trial = optuna.create_trial(value=1.0)
    for _ in range(2):
        study.add_trial(
            optuna.create_trial(state=TrialState.RUNNING, user_attrs=COPIED.holding("a"))
        )
    assert add_once(study, {"a": trial}, COPIED) == 1
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]
    assert evaluated(study) == 1


def test_a_failed_evaluation_keeps_its_error_and_is_counted_once() -> None:
    study = optuna.create_study()
    failed = optuna.create_trial(state=TrialState.FAIL, user_attrs=ERROR.holding("no memory"))
    study.add_trial(_running("a"))
    study.add_trial(_running("a"))
    add_once(study, {"a": failed}, COPIED)
    assert evaluated(study) == 1
    assert ERROR.read(study.trials[0]) == "no memory"


def _given(n: int, state: TrialState = TrialState.COMPLETE) -> dict[str, FrozenTrial]:
    """Return mark -> trial of ``n`` trials."""
    is_complete = state == TrialState.COMPLETE
    return {
        f"m{i}": optuna.create_trial(state=state, value=float(i) if is_complete else None)
        for i in range(n)
    }


def test_a_crash_in_a_later_batch_repeats_no_earlier_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 3)
    for writes in range(17):  # 8 trials are created and finished: 16 writes
        study = optuna.create_study()
        with killed_after(monkeypatch, study._storage, writes):
            add_once(study, _given(8), COPIED)
        done = sum(trial.state == TrialState.COMPLETE for trial in study.trials)
        assert add_once(study, _given(8), COPIED) == 8 - done
        assert [trial.value for trial in study.trials] == [float(i) for i in range(8)]


def test_a_crash_between_the_error_and_the_state_leaves_a_trial_that_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error is stored first, for a failed trial without it would not count as evaluated."""
    failed = optuna.create_trial(state=TrialState.FAIL, user_attrs=ERROR.holding("no memory"))
    study = optuna.create_study()
    with killed_after(monkeypatch, study._storage, 2):  # created, and its error stored
        add_once(study, {"a": failed}, COPIED)
    assert study.trials[0].state == TrialState.RUNNING
    assert ERROR.read(study.trials[0]) == "no memory"
    assert add_once(study, {"a": failed}, COPIED) == 1
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]
    assert evaluated(study) == 1


def test_a_crash_before_the_second_copy_is_failed_is_repaired_without_adding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = optuna.create_study()
    for _ in range(2):
        study.add_trial(
            optuna.create_trial(state=TrialState.RUNNING, user_attrs=COPIED.holding("m0"))
        )
    with killed_after(monkeypatch, study._storage, 1):  # the first copy is finished
        add_once(study, _given(1), COPIED)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert add_once(study, _given(1), COPIED) == 0
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]


@pytest.mark.parametrize("kind", KINDS)
def test_processes_that_add_the_same_trials_at_once_add_each_once(
    kind: str, tmp_path: Path
) -> None:
    given = storage_of(kind, tmp_path)
    optuna.create_study(storage=open_storage(given), study_name="s")
    start, added = threading.Barrier(3), []

    def add() -> None:
        study = optuna.load_study(study_name="s", storage=open_storage(given))
        start.wait()
        added.append(add_once(study, _given(10), COPIED))

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 3
    study = optuna.load_study(study_name="s", storage=open_storage(given))
    done = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert sorted(trial.user_attrs[COPIED.key] for trial in done) == [f"m{i}" for i in range(10)]
    assert all(trial.value == float(trial.user_attrs[COPIED.key][1:]) for trial in done)
    assert not any(trial.state == TrialState.RUNNING for trial in study.trials)


def test_a_pruned_trial_keeps_its_steps() -> None:
    pruned = optuna.create_trial(state=TrialState.PRUNED, intermediate_values={0: 1.0, 5: 2.0})
    study = optuna.create_study()
    assert add_once(study, {"a": pruned}, COPIED) == 1
    assert study.trials[0].state == TrialState.PRUNED
    assert study.trials[0].intermediate_values == {0: 1.0, 5: 2.0}


def test_no_trials_are_no_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study()
    monkeypatch.setattr(study._storage, "create_new_trial", None)
    assert add_once(study, {}, COPIED) == 0
