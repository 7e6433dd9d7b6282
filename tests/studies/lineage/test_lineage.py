"""Forks and successors of studies: what differs, what comes along, crashes, and two at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import (
    KINDS,
    OBJECTIVES,
    Measure,
    Widths,
    deaths,
    killed_after,
    measured,
    search_of,
    searched,
    storage_of,
)
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from bonas.errors import InvalidArgument, StudyMismatch
from bonas.evaluation import ShortTraining, as_objectives
from bonas.studies import open_study
from bonas.studies.lineage.add_once import add_once
from bonas.studies.lineage.copies import COPIED
from bonas.studies.lineage.description import (
    DESCRIPTION,
    added_options,
    differences,
    incompatibilities,
    make_description,
)
from bonas.studies.lineage.origin import ORIGIN, SUCCESSOR
from bonas.studies.running import trials
from bonas.studies.running.trials import BUDGET, budget_of
from bonas.studies.storages.opening import open_storage
from bonas.studies.study import load_study

BOTH = as_objectives(OBJECTIVES)


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return open_storage(storage_of(request.param, tmp_path))


@pytest.fixture(params=["memory", "journal"])
def quick(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Without the database, whose tables take a second to make."""
    return open_storage(storage_of(request.param, tmp_path))


def opened(space: Widths, storage: Any, **more: Any) -> optuna.Study:
    """Opened as by ``optimize``, without a search."""
    search = search_of(space, **{k: more.pop(k) for k in ("evaluate", "objectives") if k in more})
    return open_study(
        storage, "s", search.goals, search.describe(), search.sampler(0), space=space, **more
    )


# --- descriptions


def _described(space: Widths = Widths(), evaluate: Measure = Measure()) -> dict[str, Any]:  # noqa: B008 # frozen
    search = search_of(space, evaluate=evaluate)
    return make_description(search.describe(), search.goals)


def test_data_that_an_older_version_knew_less_of_are_no_difference_but_others_are() -> None:
    X, y = [[0.0], [1.0]] * 10, [0, 1] * 10
    new = make_description({"evaluation": ShortTraining((X, y)).describe()}, BOTH)
    old = json.loads(json.dumps(new))
    del old["bonas:version"]
    old["evaluation"]["accuracy"]["data"] = new["evaluation"]["accuracy"]["data"].split(", inp")[0]
    assert differences(old, new) == []
    unlike = make_description({"evaluation": ShortTraining((X, y[::-1])).describe()}, BOTH)
    assert "evaluation.accuracy.data was" in differences(old, unlike)[0]
    old["bonas:version"] = 2  # rows that were read one by one
    assert "evaluation.accuracy.data was" in differences(old, new)[0]


def test_a_description_of_a_later_version_is_told() -> None:
    assert differences({**_described(), "bonas:version": 9}, _described()) == [
        "bonas:version was 9, now 2"
    ]


@pytest.mark.parametrize(
    ("space", "added"),
    [
        (Widths((8, 16, 32, 64, 128)), {"width": [128]}),
        (
            Widths((4, 8, 16, 32, 64), ("elu", "gelu", "relu", "tanh")),
            {"width": [4], "kind": ["elu"]},
        ),
        (Widths((8, 16, 32)), None),
        (Widths((8, 16, 32, 128)), None),
        (Widths((8, 16, 32, 64, 128), scale=2), None),
    ],
)
def test_added_options_are_told_from_all_else(
    space: Widths, added: dict[str, list[Any]] | None
) -> None:
    assert added_options(_described(), _described(space)) == added


def test_a_setting_that_looks_like_options_but_is_none_is_a_difference() -> None:
    before, after = _described(), _described(Widths((8, 16, 32, 64, 128)))
    before["input_shape"], after["input_shape"] = [8, 8], [8, 8, 3]
    assert added_options(before, after) is None
    before["input_shape"] = after["input_shape"] = [8, 8]
    assert added_options(before, after) == {"width": [128]}


def test_values_hold_where_only_options_bounds_and_directions_differ() -> None:
    assert incompatibilities(_described(), _described(Widths((8, 128), max_params=64))) == []
    assert incompatibilities(_described(), _described(Widths(scale=2))) == ["scale was 1, now 2"]
    assert incompatibilities(_described(), _described(evaluate=Measure(epochs=9))) == [
        "evaluation.accuracy.epochs was 1, now 9"
    ]
    fewer = {**_described(), "objectives": {"latency": "minimize"}}
    fewer["evaluation"] = {"latency": {"device": "cpu"}}
    assert incompatibilities(_described(), fewer) == []
    assert incompatibilities(fewer, _described())[0] == "objectives.accuracy is new"


def test_a_study_of_an_older_version_opens_and_knows_its_data_from_then_on() -> None:
    storage = storage_of("memory", Path())
    X, y = [[0.0], [1.0]] * 10, [0, 1] * 10

    def again(inputs: Any) -> optuna.Study:
        description = {"evaluation": ShortTraining((inputs, y)).describe()}
        return open_study(storage, "s", BOTH, description, optuna.samplers.RandomSampler())

    study = again(X)
    old = json.loads(study.user_attrs[DESCRIPTION])
    del old["bonas:version"]
    old["evaluation"]["accuracy"]["data"] = old["evaluation"]["accuracy"]["data"].split(", inp")[0]
    study.set_user_attr(DESCRIPTION, json.dumps(old))
    assert again(X).study_name == "s"
    with pytest.raises(StudyMismatch, match="data was"):
        again([[5.0], [1.0]] * 10)


# --- adding once


def test_trials_are_added_once_and_in_order_wherever_a_process_dies(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = searched(Widths(), 4, None).study
    given = {f"m{t.number}": t for t in source.trials}
    for writes in range(9) if isinstance(storage, InMemoryStorage) else (3, 4):
        study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
        with killed_after(monkeypatch, study._storage, writes):
            add_once(study, given, "mark")
        add_once(study, given, "mark")
        assert measured(study) == measured(source)
        assert add_once(study, given, "mark") == 0
        assert len(study.trials) == 4


def test_of_two_copies_the_first_is_meant() -> None:
    study = optuna.create_study()
    trial = optuna.create_trial(value=1.0)
    for _ in range(2):
        study.add_trial(optuna.create_trial(state=TrialState.RUNNING, user_attrs={"mark": "a"}))
    assert add_once(study, {"a": trial}, "mark") == 1
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]
    assert trials.evaluated(study) == 1


def test_a_failed_evaluation_keeps_its_error_and_is_counted_once() -> None:
    study = optuna.create_study()
    failed = optuna.create_trial(state=TrialState.FAIL, user_attrs={trials.ERROR: "no memory"})
    study.add_trial(optuna.create_trial(state=TrialState.RUNNING, user_attrs={"mark": "a"}))
    study.add_trial(optuna.create_trial(state=TrialState.RUNNING, user_attrs={"mark": "a"}))
    add_once(study, {"a": failed}, "mark")
    assert trials.evaluated(study) == 1
    assert study.trials[0].user_attrs[trials.ERROR] == "no memory"


# --- forks


def test_a_difference_is_refused_or_forked_and_the_fork_is_found_again(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = searched(Widths(), 6, storage).study
    with pytest.raises(StudyMismatch, match=r"width was .*on_mismatch=\"fork\""):
        searched(Widths((8, 16)), 8, storage)
    fork = searched(Widths((8, 16)), 5, storage, on_mismatch="fork").study
    assert fork.study_name == "s-2"
    possible = [row for row in measured(first) if row[0] in (8, 16)]
    assert 0 < len(possible) < 5
    assert measured(fork)[: len(possible)] == possible
    assert trials.evaluated(fork) == 5  # copies count
    assert f"'s-2', which has {len(possible)} of its 6 trials" in caplog.text
    assert "width was [8, 16, 32, 64], now [8, 16]" in caplog.text
    again = searched(Widths((8, 16)), 5, storage, on_mismatch="fork").study
    assert (again.study_name, len(again.trials)) == ("s-2", len(fork.trials))
    assert searched(Widths(), 6, storage).study.study_name == "s"
    assert (
        searched(Widths(kinds=("relu", "gelu")), 6, storage, on_mismatch="fork").study.study_name
        == "s-3"
    )


def test_values_of_another_evaluation_stay_behind(
    quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    searched(Widths(), 4, quick)
    more = {"evaluate": Measure(epochs=2), "on_mismatch": "fork"}
    fork = opened(Widths(), quick, **more)
    assert fork.trials == []
    assert "cannot be compared (evaluation.accuracy.epochs was 1, now 2)" in caplog.text
    assert opened(Widths(scale=3), quick, on_mismatch="fork").trials == []


def test_objectives_are_taken_by_their_names(storage: Any) -> None:
    first = searched(Widths(), 4, storage).study
    swapped = {"latency": "minimize", "accuracy": "maximize"}
    fork = opened(Widths(), storage, objectives=swapped, on_mismatch="fork")
    assert [t.values for t in fork.trials] == [t.values[::-1] for t in first.trials]
    fewer = opened(Widths(), storage, objectives={"latency": "minimize"}, on_mismatch="fork")
    assert [t.values for t in fewer.trials] == [t.values[1:] for t in first.trials]
    more = {**OBJECTIVES, "extra": "minimize"}
    assert opened(Widths(), storage, objectives=more, on_mismatch="fork").trials == []


def test_architectures_over_a_bound_stay_behind(quick: Any) -> None:
    first = searched(Widths(), 6, quick).study
    fork = opened(Widths(max_params=16), quick, on_mismatch="fork")
    assert measured(fork) == [row for row in measured(first) if row[0] <= 16]


def test_a_name_that_is_taken_is_passed_over(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(Widths(), 1, quick, study_name="s-2")
    fork = opened(Widths((8, 16)), quick, on_mismatch="fork")
    assert fork.study_name == "s-3"
    assert opened(Widths((8, 16)), quick, on_mismatch="fork").study_name == "s-3"


@pytest.mark.parametrize("kind", KINDS)
def test_wherever_a_process_dies_the_next_call_completes_the_fork(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.studies.lineage.origin._ORIGIN_TIMEOUT", 0.0)
    for writes, storage in deaths(kind, tmp_path, 24, one=12):
        first = searched(Widths(), 4, storage).study
        with killed_after(monkeypatch, storage, writes):
            opened(Widths(max_params=32), storage, on_mismatch="fork")
        fork = opened(Widths(max_params=32), storage, on_mismatch="fork")
        assert fork.study_name == "s-2"
        assert measured(fork) == [row for row in measured(first) if row[0] <= 32]
        assert {ORIGIN, DESCRIPTION, "bonas:seed"} <= fork.user_attrs.keys()
        assert fork.metric_names == list(OBJECTIVES)
        assert optuna.get_all_study_names(storage) == ["s", "s-2"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_that_fork_at_once_make_one_fork(kind: str, tmp_path: Path) -> None:
    given = storage_of(kind, tmp_path)
    searched(Widths(), 8, given)
    forks: list[optuna.Study] = []
    start = threading.Barrier(3)

    def fork() -> None:
        start.wait()
        forks.append(opened(Widths((8, 16, 32)), given, on_mismatch="fork"))

    threads = [threading.Thread(target=fork) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {study.study_name for study in forks} == {"s-2"}
    source = opened(Widths(), given)
    expected = [row for row in measured(source) if row[0] < 64]
    assert all(measured(study) == expected for study in forks)
    assert trials.evaluated(forks[0]) == len(expected)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown on_mismatch 'join'"):
        searched(Widths(), 1, None, on_mismatch="join")


# --- successors


WIDER = Widths((4, 8, 16, 32, 64, 128))


def test_a_search_goes_on_when_options_were_added(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = searched(Widths(), 5, storage).study
    later = searched(WIDER, 9, storage)
    assert later.study.study_name == "s.v2"
    assert measured(later.study)[:5] == measured(first)
    assert trials.evaluated(later.study) == 9
    assert "width: [4, 128]" in caplog.text
    assert [c.choices["width"] in WIDER.widths for c in later.candidates] == [True] * 9
    assert searched(WIDER, 9, storage).study.study_name == "s.v2"
    assert budget_of(optuna.load_study(study_name="s", storage=later.study._storage)) == 0
    assert later.study.user_attrs["bonas:seed"] == first.user_attrs["bonas:seed"]


def test_a_second_successor_follows_the_first(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(WIDER, 4, quick)
    third = searched(Widths((*WIDER.widths, 256)), 5, quick).study
    assert third.study_name == "s.v3"
    assert trials.evaluated(third) == 5
    assert load_study(quick, "s")[0].study_name == "s.v3"


def test_options_that_were_taken_away_are_a_mismatch(quick: Any) -> None:
    searched(WIDER, 2, quick)
    with pytest.raises(StudyMismatch, match="width was"):
        searched(Widths(), 2, quick)


def test_what_a_worker_finishes_at_the_old_study_comes_along_later(storage: Any) -> None:
    old = opened(Widths(), storage)
    old.set_user_attr(BUDGET, 10)
    under_way = old.ask()
    Widths().suggest(under_way)
    later = opened(WIDER, storage)
    assert later.trials == []
    assert budget_of(old) == 0  # the worker begins no other
    old.tell(under_way, [70.0, 3.0])
    again = opened(WIDER, storage)
    assert [t.values for t in again.trials] == [[70.0, 3.0]]
    assert again.trials[0].user_attrs[COPIED] == "s#0"
    assert len(opened(WIDER, storage).trials) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_wherever_a_process_dies_the_next_call_completes_the_successor(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.studies.lineage.origin._ORIGIN_TIMEOUT", 0.0)
    for writes, storage in deaths(kind, tmp_path, 16, one=9):
        first = searched(Widths(), 3, storage).study
        with killed_after(monkeypatch, storage, writes):
            opened(WIDER, storage)
        later = opened(WIDER, storage)
        assert measured(later) == measured(first)
        assert optuna.get_all_study_names(storage) == ["s", "s.v2"]
        old = optuna.load_study(study_name="s", storage=storage)
        assert (budget_of(old), old.user_attrs[SUCCESSOR]) == (0, "s.v2")


def test_a_fork_to_which_options_are_added_has_a_successor(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(Widths(scale=2), 2, quick, on_mismatch="fork")
    wider = Widths(WIDER.widths, scale=2)
    again = searched(wider, 3, quick, on_mismatch="fork").study
    assert (again.study_name, trials.evaluated(again)) == ("s-2.v2", 3)
    assert searched(wider, 3, quick, on_mismatch="fork").study.study_name == "s-2.v2"


def test_every_storage_forbids_other_options_in_one_study(storage: Any) -> None:
    """Why there are successors: if one is allowed some day, this tells."""
    study = optuna.create_study(storage=storage)
    study.ask().suggest_categorical("width", [8, 16])
    with pytest.raises(ValueError, match="dynamic value space"):
        study.ask().suggest_categorical("width", [8, 16, 32])
